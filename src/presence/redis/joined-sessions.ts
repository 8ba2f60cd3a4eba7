/** Under which id, and with which info, a session has joined a stream. */
export interface Membership {
  readonly id: string;
  readonly info: string;
}

/** A session of this node. */
interface Joined {
  touchedAtMs: number;
  readonly streams: Map<string, Membership>;
}

/**
 * What sessions of this node have joined, so that it can be touched and, when Redis has lost it, joined again. A session
 * that is not touched any more has gone; it is forgotten after `keepMs`. No I/O, no time of its own.
 */
export class JoinedSessions {
  readonly #keepMs: number;
  /** In ascending time of the last touch: every touch moves its session to the end. */
  readonly #sessions = new Map<string, Joined>();

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  get size(): number {
    return this.#sessions.size;
  }

  join(sid: string, stream: string, membership: Membership, nowMs: number): void {
    const known = this.#sessions.get(sid);
    if (known !== undefined) known.streams.set(stream, membership);
    else this.#sessions.set(sid, { touchedAtMs: nowMs, streams: new Map([[stream, membership]]) });
  }

  leave(sid: string, stream: string): void {
    const known = this.#sessions.get(sid);
    known?.streams.delete(stream);
    if (known?.streams.size === 0) this.#sessions.delete(sid);
  }

  /** @returns false when the session has joined nothing here */
  touch(sid: string, nowMs: number): boolean {
    const known = this.#sessions.get(sid);
    if (known === undefined) return false;
    known.touchedAtMs = nowMs;
    this.#sessions.delete(sid);
    this.#sessions.set(sid, known);
    return true;
  }

  /** @returns null when the session has not joined the stream, or has left it meanwhile */
  membership(sid: string, stream: string): Membership | null {
    return this.#sessions.get(sid)?.streams.get(stream) ?? null;
  }

  /** The sessions by the streams they have joined. */
  byStream(sids: Iterable<string>): ReadonlyMap<string, readonly string[]> {
    const streams = new Map<string, string[]>();
    for (const sid of sids) {
      for (const stream of this.#sessions.get(sid)?.streams.keys() ?? []) {
        const list = streams.get(stream);
        if (list === undefined) streams.set(stream, [sid]);
        else list.push(sid);
      }
    }
    return streams;
  }

  forgetGone(nowMs: number): void {
    for (const [sid, { touchedAtMs }] of this.#sessions) {
      if (nowMs - touchedAtMs <= this.#keepMs) return;
      this.#sessions.delete(sid);
    }
  }
}
