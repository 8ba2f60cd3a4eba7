import type { PresenceInfo, PresenceRecord } from "../messages/reply.ts";

/** What a join did: first session of its id, one more, or refused because the session is there under another id. */
export type JoinEffect = "arrived" | "known" | "mismatch";

/** Who is in one stream: members by presence id, each with the sessions it is there with. No I/O, no time. */
export class PresenceSet {
  readonly #idBySid = new Map<string, string>();
  readonly #members = new Map<string, Member>();

  /** @param info replaces the one known for `id` */
  join(sid: string, id: string, info: string): JoinEffect {
    const current = this.#idBySid.get(sid);
    if (current !== undefined && current !== id) return "mismatch";
    const member = this.#members.get(id);
    this.#idBySid.set(sid, id);
    this.#members.set(id, {
      info,
      sessions: (member?.sessions ?? 0) + (current === undefined ? 1 : 0),
    });
    return member === undefined ? "arrived" : "known";
  }

  has(sid: string): boolean {
    return this.#idBySid.has(sid);
  }

  /** @returns the id that has left with its last session, else null */
  leave(sid: string): string | null {
    const id = this.#idBySid.get(sid);
    const member = id === undefined ? undefined : this.#members.get(id);
    if (id === undefined || member === undefined) return null;
    this.#idBySid.delete(sid);
    if (member.sessions > 1) {
      this.#members.set(id, { info: member.info, sessions: member.sessions - 1 });
      return null;
    }
    this.#members.delete(id);
    return id;
  }

  isEmpty(): boolean {
    return this.#members.size === 0;
  }

  info(withRecords: boolean): PresenceInfo {
    const total = this.#members.size;
    if (!withRecords) return { total, records: [] };
    const records: PresenceRecord[] = [];
    for (const [id, { info }] of this.#members) records.push({ id, info });
    return { total, records };
  }
}

interface Member {
  readonly info: string;
  readonly sessions: number;
}
