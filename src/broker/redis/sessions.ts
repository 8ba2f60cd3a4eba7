import type { RedisCommands } from "../../clients/redis/commands.ts";
import type { SessionSnapshot } from "../../messages/snapshot.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Service } from "../../ports/service.ts";
import type { SessionStore } from "../../ports/session-store.ts";
import { Revocations } from "../revocations.ts";
import { decodeSnapshot, encodeSnapshot } from "../snapshot-json.ts";

/** How long a session outlives its last commit or touch. */
export interface RedisSessionStoreOptions {
  readonly ttlMs: number;
}

/** `redis` is started and stopped by whoever made it. */
export interface RedisSessionStoreDeps {
  readonly redis: RedisCommands;
  readonly clock: Clock;
}

/** A commit that waits for the end of the event-loop turn. */
interface Pending {
  snapshot: SessionSnapshot;
  readonly done: PromiseWithResolvers<void>;
}

/**
 * Sessions in Redis, for any node: `ac:s:<sid>`; whose were revoked: `ac:r:<identifiers>`. Commits of one session within one event-loop turn are one; the last wins.
 * Source: spec "messaging", section 15.4.
 */
export class RedisSessionStore implements SessionStore, Service {
  readonly name = "Redis session store";
  readonly #ttlMs: string;
  readonly #redis: RedisCommands;
  readonly #revocations: Revocations;
  readonly #pending = new Map<string, Pending>();

  constructor(options: RedisSessionStoreOptions, deps: RedisSessionStoreDeps) {
    this.#ttlMs = String(Math.max(1, Math.round(options.ttlMs)));
    this.#redis = deps.redis;
    this.#revocations = new Revocations(options, deps);
  }

  async start(): Promise<void> {
    // The connection is started by whoever created it.
  }

  /** Sends what waits; its answers are waited for by the connection's own stop. */
  async stop(_signal: AbortSignal): Promise<void> {
    this.#flush();
  }

  commit(sid: string, snapshot: SessionSnapshot): Promise<void> {
    const known = this.#pending.get(sid);
    if (known !== undefined) {
      known.snapshot = snapshot;
      return known.done.promise;
    }
    if (this.#pending.size === 0) setImmediate(() => this.#flush());
    const pending = { snapshot, done: Promise.withResolvers<void>() };
    this.#pending.set(sid, pending);
    return pending.done.promise;
  }

  async restore(sid: string): Promise<SessionSnapshot | null> {
    const snapshot = this.#pending.get(sid)?.snapshot ?? (await this.#read(sid));
    if (snapshot === null) return null;
    const time = await this.#redis.call("get", revocationKey(snapshot.identifiers));
    return this.#revocations.covers(snapshot, Number(time)) ? null : snapshot;
  }

  async touch(sid: string): Promise<boolean> {
    if (this.#pending.has(sid)) return true;
    return (await this.#redis.call("pexpire", sessionKey(sid), this.#ttlMs)) !== 0;
  }

  async forget(sid: string): Promise<void> {
    const pending = this.#pending.get(sid);
    this.#pending.delete(sid);
    pending?.done.resolve();
    await this.#redis.call("del", sessionKey(sid));
  }

  async revoke(identifiers: string): Promise<void> {
    const [time, lifeMs] = [this.#revocations.add(identifiers), this.#revocations.lifeMs];
    await this.#redis.call("set", revocationKey(identifiers), String(time), "PX", String(lifeMs));
  }

  async #read(sid: string): Promise<SessionSnapshot | null> {
    const text = await this.#redis.call("get", sessionKey(sid));
    return typeof text === "string" ? decodeSnapshot(text) : null;
  }

  #flush(): void {
    const batch = [...this.#pending];
    this.#pending.clear();
    for (const [sid, { snapshot, done }] of batch) {
      const json = encodeSnapshot(snapshot);
      this.#redis.call("set", sessionKey(sid), json, "PX", this.#ttlMs).then(
        () => done.resolve(),
        (error: unknown) => done.reject(error),
      );
    }
  }
}

function revocationKey(identifiers: string): string {
  return `ac:r:${identifiers}`;
}

function sessionKey(sid: string): string {
  return `ac:s:${sid}`;
}
