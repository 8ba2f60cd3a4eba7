import type { SessionSnapshot } from "../messages/snapshot.ts";
import type { SessionStore } from "../ports/session-store.ts";

/** No memory of sessions: every client that comes back authenticates again. */
export class NullSessionStore implements SessionStore {
  async commit(_sid: string, _snapshot: SessionSnapshot): Promise<void> {
    // Nothing is kept.
  }

  async restore(_sid: string): Promise<SessionSnapshot | null> {
    return null;
  }

  async touch(_sid: string): Promise<void> {
    // Nothing is kept.
  }

  async forget(_sid: string): Promise<void> {
    // Nothing is kept.
  }
}
