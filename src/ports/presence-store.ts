import type { PresenceInfo } from "../messages/reply.ts";

/** Why a change of a presence set was refused: `mismatch` the session is there under another id, `absent` it is not there. */
export type PresenceChange =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: "mismatch" | "absent" | "unsupported" };

/**
 * Who is in which stream. Join and leave events go out as transient publications, once per change of the set.
 * A session's records expire unless it is touched. Methods may reject with a ServerError.
 */
export interface PresenceStore {
  /** @param info JSON text, empty for none; replaces the one known for `id` */
  join(stream: string, sid: string, id: string, info: string): Promise<PresenceChange>;
  leave(stream: string, sid: string): Promise<PresenceChange>;
  /** @returns null when presence is not supported */
  info(stream: string, withRecords: boolean): Promise<PresenceInfo | null>;
  /** Keeps all records of the session for another time to live. */
  touch(sid: string): Promise<void>;
}
