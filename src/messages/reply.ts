import type { DisconnectReason } from "./close.ts";

/** One member of a presence set; `info` is JSON text, empty for none. */
export interface PresenceRecord {
  readonly id: string;
  readonly info: string;
}

/** A presence set; `records` is empty when only the total was asked for. */
export interface PresenceInfo {
  readonly total: number;
  readonly records: readonly PresenceRecord[];
}

/** A publication on its way to the subscribers with one identifier. */
export interface PublicationReply {
  readonly type: "publication";
  readonly identifier: string;
  /** Valid JSON text. */
  readonly message: string;
  /** `type` on the wire; empty for none. */
  readonly broadcastType: string;
  /** Stream name, epoch and offset go out only when they are non-empty and non-zero. */
  readonly stream: string;
  readonly epoch: string;
  readonly offset: number;
}

/** What the server says to a client, before encoding. Source: spec "protocol", section 4. */
export type Reply =
  | {
      readonly type: "welcome";
      readonly sid: string;
      /** Identifiers of the subscriptions that came back; null for a new session. */
      readonly restoredIds: readonly string[] | null;
    }
  /** `message` is the time as an integer in decimal digits: it may exceed what a number holds. */
  | { readonly type: "ping"; readonly message: string }
  | { readonly type: "pong" }
  | {
      readonly type:
        | "confirm_subscription"
        | "reject_subscription"
        | "confirm_history"
        | "reject_history";
      readonly identifier: string;
    }
  /** `info` null says that the set could not be read. */
  | { readonly type: "presence"; readonly identifier: string; readonly info: PresenceInfo | null }
  | { readonly type: "disconnect"; readonly reason: DisconnectReason; readonly reconnect: boolean }
  | PublicationReply;
