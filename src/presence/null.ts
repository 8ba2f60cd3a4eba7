import type { PresenceInfo } from "../messages/reply.ts";
import type { PresenceChange, PresenceStore } from "../ports/presence-store.ts";

const UNSUPPORTED: PresenceChange = Object.freeze({ ok: false, reason: "unsupported" });

/** No presence: for brokers that cannot keep it, and for none. */
export class NullPresenceStore implements PresenceStore {
  async join(_stream: string, _sid: string, _id: string, _info: string): Promise<PresenceChange> {
    return UNSUPPORTED;
  }

  async leave(_stream: string, _sid: string): Promise<PresenceChange> {
    return UNSUPPORTED;
  }

  async info(_stream: string, _withRecords: boolean): Promise<PresenceInfo | null> {
    return null;
  }

  async touch(_sid: string): Promise<void> {
    // Nothing is kept.
  }
}
