import type { SessionSnapshot } from "../messages/snapshot.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Service } from "../ports/service.ts";
import type { SessionStore } from "../ports/session-store.ts";
import { Revocations } from "./revocations.ts";

/** `maxSessions` and `maxBytes`, roughly counted, bound the memory: beyond them, the sessions that were committed or touched longest ago are forgotten. */
export interface MemorySessionStoreOptions {
  readonly ttlMs: number;
  readonly maxSessions: number;
  readonly maxBytes: number;
}

/** The clock ticks the expiry. */
export interface MemorySessionStoreDeps {
  readonly clock: Clock;
}

const EXPIRE_EVERY_MS = 1000;

/**
 * Sessions in this process; gone with a restart. Snapshots are kept as they are handed over, not copied: do not change them.
 * An expired entry can be restored until the next tick, up to a second. Source: spec "messaging", sections 10.2 and 11.
 */
export class MemorySessionStore implements SessionStore, Service {
  readonly name = "memory session store";
  readonly #options: MemorySessionStoreOptions;
  readonly #clock: Clock;
  /** In ascending deadline: all have the same time to live, and every change moves its entry to the end. */
  readonly #entries = new Map<string, Entry>();
  readonly #revocations: Revocations;
  #bytes = 0;
  #tick: Timer | null = null;

  constructor(options: MemorySessionStoreOptions, deps: MemorySessionStoreDeps) {
    this.#options = options;
    this.#clock = deps.clock;
    this.#revocations = new Revocations(options, deps);
  }

  async start(): Promise<void> {
    this.#schedule();
  }

  async stop(_signal: AbortSignal): Promise<void> {
    this.#tick?.cancel();
    this.#tick = null;
  }

  async commit(sid: string, snapshot: SessionSnapshot): Promise<void> {
    this.#put(sid, snapshot, bytesOf(snapshot));
    const { maxSessions, maxBytes } = this.#options;
    while (this.#entries.size > maxSessions || this.#bytes > maxBytes) this.#forgetOldest();
  }

  async restore(sid: string): Promise<SessionSnapshot | null> {
    const snapshot = this.#entries.get(sid)?.snapshot ?? null;
    return snapshot === null || this.#revocations.covers(snapshot) ? null : snapshot;
  }

  async touch(sid: string): Promise<boolean> {
    const entry = this.#entries.get(sid);
    if (entry !== undefined) this.#put(sid, entry.snapshot, entry.bytes);
    return entry !== undefined;
  }

  async forget(sid: string): Promise<void> {
    this.#delete(sid);
  }

  async revoke(identifiers: string): Promise<void> {
    this.#revocations.add(identifiers);
  }

  #put(sid: string, snapshot: SessionSnapshot, bytes: number): void {
    this.#delete(sid);
    this.#bytes += bytes;
    this.#entries.set(sid, {
      snapshot,
      bytes,
      deadlineMs: this.#clock.now() + this.#options.ttlMs,
    });
  }

  #delete(sid: string): void {
    this.#bytes -= this.#entries.get(sid)?.bytes ?? 0;
    this.#entries.delete(sid);
  }

  #forgetOldest(): void {
    for (const sid of this.#entries.keys()) {
      this.#delete(sid);
      return;
    }
  }

  #schedule(): void {
    this.#tick = this.#clock.after(EXPIRE_EVERY_MS, () => {
      this.#expire(this.#clock.now());
      this.#schedule();
    });
  }

  #expire(nowMs: number): void {
    for (const [sid, entry] of this.#entries) {
      if (entry.deadlineMs > nowMs) return;
      this.#delete(sid);
    }
  }
}

interface Entry {
  readonly snapshot: SessionSnapshot;
  readonly bytes: number;
  readonly deadlineMs: number;
}

/** What a session, or a text or a pair of it, takes beside its letters. */
const OVERHEAD_BYTES = 100;

function bytesOf({ identifiers, subscriptions, cstate, istate }: SessionSnapshot): number {
  let bytes = OVERHEAD_BYTES + identifiers.length + bytesOfState(cstate);
  for (const [identifier, streams] of subscriptions) {
    bytes += OVERHEAD_BYTES + identifier.length;
    for (const stream of streams) bytes += OVERHEAD_BYTES + stream.length;
  }
  // Identifiers are the texts of the subscriptions again.
  for (const [, state] of istate) bytes += OVERHEAD_BYTES + bytesOfState(state);
  return bytes;
}

function bytesOfState(state: readonly (readonly [key: string, value: string])[]): number {
  let bytes = 0;
  for (const [key, value] of state) bytes += OVERHEAD_BYTES + key.length + value.length;
  return bytes;
}
