import type { SessionSnapshot } from "../messages/snapshot.ts";

/** Sessions that can come back, by sid. Best effort, the last commit wins. All methods may reject with a ServerError. */
export interface SessionStore {
  /** Remembers for the configured time, from now on. */
  commit(sid: string, snapshot: SessionSnapshot): Promise<void>;
  /** @returns null when unknown or expired; the entry stays. @throws {ServerError} `snapshot_corrupt` when it cannot be read */
  restore(sid: string): Promise<SessionSnapshot | null>;
  /** Starts the time to live anew. @returns false when nothing is remembered any more */
  touch(sid: string): Promise<boolean>;
  /** Forgets at once: the client must authenticate again. */
  forget(sid: string): Promise<void>;
  /** Whatever was authenticated under these identifiers until now cannot be restored any more, on any node that shares the store. */
  revoke(identifiers: string): Promise<void>;
}
