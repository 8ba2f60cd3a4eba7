import type { PresenceInfo } from "../messages/reply.ts";
import type { PresenceChange, PresenceStore } from "../ports/presence-store.ts";

const UNSUPPORTED: PresenceChange = { ok: false, reason: "unsupported" };

/** Presence where the broker has none: every change is refused, no set can be read. */
export class NoPresenceStore implements PresenceStore {
  join(): Promise<PresenceChange> {
    return Promise.resolve(UNSUPPORTED);
  }

  leave(): Promise<PresenceChange> {
    return Promise.resolve(UNSUPPORTED);
  }

  info(): Promise<PresenceInfo | null> {
    return Promise.resolve(null);
  }

  touch(): Promise<void> {
    return Promise.resolve();
  }
}
