import type { Reply } from "./reply.ts";

/** A presence change that comes with the answer to a command; `info` is JSON text, empty for none. */
export interface PresenceDirective {
  /** `join` or `leave`; anything else is reported and ignored. */
  readonly type: string;
  readonly id: string;
  readonly info: string;
}

/** State to merge: an empty value deletes the key, any other sets it. */
export type StateChange = ReadonlyMap<string, string>;

/** What goes to the client: replies of the server's own, or text of the application that passes verbatim. */
export type Transmission = Reply | string;

/**
 * The answer to "who is this?".
 * `error` says that nobody could tell (application failed, unreachable, timed out): the client gets no message.
 * `canceled`: the session was closed meanwhile, nothing is to be done.
 */
export type ConnectResult =
  | {
      readonly status: "success";
      readonly identifiers: string;
      readonly transmissions: readonly Transmission[];
      readonly cstate: StateChange | null;
      /** True when the application wants to hear of the disconnect. */
      readonly interest: boolean;
    }
  | {
      readonly status: "failure";
      readonly transmissions: readonly Transmission[];
      readonly cstate: StateChange | null;
    }
  | { readonly status: "error"; readonly error: string }
  | { readonly status: "canceled" };

/** The effects of a command; they are applied in the order of spec "rpc", section 11.2. */
export interface CommandEffects {
  readonly transmissions: readonly Transmission[];
  readonly streams: readonly string[];
  readonly stoppedStreams: readonly string[];
  readonly stopStreams: boolean;
  readonly cstate: StateChange | null;
  readonly istate: StateChange | null;
  readonly presence: PresenceDirective | null;
  readonly disconnect: boolean;
  /** True when the application wants to hear of the disconnect. */
  readonly interest: boolean;
}

/** The answer to a subscribe, unsubscribe or perform; `error` applies nothing. */
export type CommandResult =
  | { readonly status: "success" | "failure"; readonly effects: CommandEffects }
  | { readonly status: "error"; readonly error: string }
  | { readonly status: "canceled" };

/** Effects of nothing at all, to build others from. */
export const NO_EFFECTS: CommandEffects = Object.freeze({
  transmissions: [],
  streams: [],
  stoppedStreams: [],
  stopStreams: false,
  cstate: null,
  istate: null,
  presence: null,
  disconnect: false,
  interest: false,
});
