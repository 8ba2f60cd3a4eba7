/**
 * Until when sessions are present. One lease per session and time to live covers all streams joined under it: it runs
 * from the first of them and from every touch. Times are milliseconds. No I/O, no time of its own.
 */
export class PresenceLeases {
  /** By time to live, then by session in ascending deadline: every touch moves its lease to the end. */
  readonly #lanes = new Map<number, Map<string, Lease>>();

  /** Adds a stream to the session's lease; an existing lease is not prolonged. */
  add(sid: string, stream: string, ttlMs: number, nowMs: number): void {
    const lane = this.#lane(ttlMs);
    const lease = lane.get(sid);
    if (lease !== undefined) lease.streams.add(stream);
    else lane.set(sid, { deadlineMs: nowMs + ttlMs, streams: new Set([stream]) });
  }

  remove(sid: string, stream: string, ttlMs: number): void {
    const lane = this.#lane(ttlMs);
    const lease = lane.get(sid);
    lease?.streams.delete(stream);
    if (lease?.streams.size === 0) lane.delete(sid);
  }

  /** Lets all leases of the session run anew. */
  touch(sid: string, nowMs: number): void {
    for (const [ttlMs, lane] of this.#lanes) {
      const lease = lane.get(sid);
      if (lease === undefined) continue;
      lane.delete(sid);
      lane.set(sid, { deadlineMs: nowMs + ttlMs, streams: lease.streams });
    }
  }

  /** Ends the leases whose time is over; gives the streams each session leaves. */
  takeExpired(nowMs: number): readonly (readonly [sid: string, stream: string])[] {
    const expired: (readonly [string, string])[] = [];
    for (const lane of this.#lanes.values()) {
      for (const [sid, lease] of lane) {
        if (lease.deadlineMs > nowMs) break;
        lane.delete(sid);
        for (const stream of lease.streams) expired.push([sid, stream]);
      }
    }
    return expired;
  }

  #lane(ttlMs: number): Map<string, Lease> {
    const known = this.#lanes.get(ttlMs);
    if (known !== undefined) return known;
    const lane = new Map<string, Lease>();
    this.#lanes.set(ttlMs, lane);
    return lane;
  }
}

interface Lease {
  readonly deadlineMs: number;
  readonly streams: Set<string>;
}
