import type { SessionSnapshot } from "../messages/snapshot.ts";
import type { SessionStore } from "../ports/session-store.ts";

/** Remembers no session: every client that comes back authenticates anew. */
export class NoSessionStore implements SessionStore {
  commit(): Promise<void> {
    return Promise.resolve();
  }

  restore(): Promise<SessionSnapshot | null> {
    return Promise.resolve(null);
  }

  touch(): Promise<void> {
    return Promise.resolve();
  }

  forget(): Promise<void> {
    return Promise.resolve();
  }
}
