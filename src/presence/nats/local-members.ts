import { type JoinEffect, PresenceSet } from "../presence-set.ts";

interface LocalStream {
  readonly set: PresenceSet;
  readonly infos: Map<string, string>;
}

/** Members of a stream that are on this node. */
export interface LocalMember {
  readonly stream: string;
  readonly id: string;
}

/** Who is present through sessions of this node. No I/O, no time. */
export class LocalMembers {
  readonly #streams = new Map<string, LocalStream>();

  join(stream: string, sid: string, id: string, info: string): JoinEffect {
    const local = this.#streams.get(stream) ?? { set: new PresenceSet(), infos: new Map() };
    const effect = local.set.join(sid, id, info);
    if (effect === "mismatch") return effect;
    this.#streams.set(stream, local);
    local.infos.set(id, info);
    return effect;
  }

  has(stream: string, sid: string): boolean {
    return this.#streams.get(stream)?.set.has(sid) === true;
  }

  /** @returns the id that is no longer on this node; null when other sessions have it */
  leave(stream: string, sid: string): string | null {
    const local = this.#streams.get(stream);
    const id = local?.set.leave(sid) ?? null;
    if (local === undefined || id === null) return null;
    local.infos.delete(id);
    if (local.set.isEmpty()) this.#streams.delete(stream);
    return id;
  }

  /** What is known of a member; null when it is not on this node. */
  infoOf({ stream, id }: LocalMember): string | null {
    return this.#streams.get(stream)?.infos.get(id) ?? null;
  }

  *[Symbol.iterator](): Iterator<LocalMember> {
    for (const [stream, { infos }] of this.#streams) {
      for (const id of infos.keys()) yield { stream, id };
    }
  }
}
