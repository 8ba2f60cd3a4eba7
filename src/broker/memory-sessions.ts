import type { SessionSnapshot } from "../messages/snapshot.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Service } from "../ports/service.ts";
import type { SessionStore } from "../ports/session-store.ts";
import { Revocations } from "./revocations.ts";

/** `maxSessions` bounds the memory: beyond it, the sessions that were committed or touched longest ago are forgotten. */
export interface MemorySessionStoreOptions {
  readonly ttlMs: number;
  readonly maxSessions: number;
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
    this.#put(sid, snapshot);
    if (this.#entries.size > this.#options.maxSessions) this.#forgetOldest();
  }

  async restore(sid: string): Promise<SessionSnapshot | null> {
    const snapshot = this.#entries.get(sid)?.snapshot ?? null;
    return snapshot === null || this.#revocations.covers(snapshot) ? null : snapshot;
  }

  async touch(sid: string): Promise<boolean> {
    const entry = this.#entries.get(sid);
    if (entry !== undefined) this.#put(sid, entry.snapshot);
    return entry !== undefined;
  }

  async forget(sid: string): Promise<void> {
    this.#entries.delete(sid);
  }

  async revoke(identifiers: string): Promise<void> {
    this.#revocations.add(identifiers);
  }

  #put(sid: string, snapshot: SessionSnapshot): void {
    this.#entries.delete(sid);
    this.#entries.set(sid, { snapshot, deadlineMs: this.#clock.now() + this.#options.ttlMs });
  }

  #forgetOldest(): void {
    for (const sid of this.#entries.keys()) {
      this.#entries.delete(sid);
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
      this.#entries.delete(sid);
    }
  }
}

interface Entry {
  readonly snapshot: SessionSnapshot;
  readonly deadlineMs: number;
}
