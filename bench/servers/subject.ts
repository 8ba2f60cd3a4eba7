import type { Target } from "../load/scenario.ts";

/** What a server is asked to be: without a backend and open to all, or with one. */
export type Mode =
  | {
      readonly kind: "public";
      /** More flags; with `--broadcast_adapter` among them the server takes no publications over HTTP. */
      readonly flags?: readonly string[];
    }
  | { readonly kind: "rpc" /** Value of `--rpc_host`. */; readonly backend: string };

/** A server ready for load. */
export interface RunningServer {
  readonly target: Target;
  /** Spawn to first accepted connection; NaN when it was running already. */
  readonly startMs: number;
  stop(): Promise<void>;
}

/** A column of the table: something that can be put under load. */
export interface Subject {
  readonly name: string;
  /**
   * A fresh server; null when this subject cannot be had in that mode, or not freshly started.
   * @throws {ServerError} `child_failed` when it does not come up
   */
  start(mode: Mode, needsFreshStart: boolean): Promise<RunningServer | null>;
}

/** Identifier of the built-in channel for public streams (auth-streams, section 5). */
export const PUBLIC_IDENTIFIER = '{"channel":"$pubsub","stream_name":"{stream}"}';

/** Identifier of a channel only the backend knows. */
export const RPC_IDENTIFIER = '{"channel":"BenchChannel","id":"{stream}"}';
