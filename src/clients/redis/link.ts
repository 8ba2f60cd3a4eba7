import type { ServerError } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { RedisConnection } from "./connection.ts";
import { toRedisError } from "./redis-error.ts";
import { nextRetryMs } from "./retry.ts";

/** `maxAttempts` failures in a row are survived, the next one is final; null never gives up. */
export interface LinkOptions {
  readonly maxAttempts: number | null;
}

/** What the owner of a link does with it. Only `open` and `run` may reject; nothing else may throw. */
export interface LinkOwner<Connection extends RedisConnection> {
  /** Opens a connection; `signal` says that nobody waits for it any more. */
  open(signal: AbortSignal): Promise<Connection>;
  /**
   * Works on a fresh connection until it is gone or the work is over; rejects with the reason.
   * Calls `up` when the connection does its job: from then on failures are counted anew.
   */
  run(connection: Connection, up: () => void): Promise<void>;
  /** A failure: to get to work (`wasUp` false), or of a connection that had done its job. */
  lost(error: ServerError, wasUp: boolean): void;
  /** The next try comes in so many milliseconds. */
  waiting(delayMs: number): void;
  retrying(): void;
  /** There will be no other try. */
  exhausted(): void;
}

/** `random` gives numbers from 0 up to, not including, 1. */
export interface LinkDeps {
  readonly clock: Clock;
  readonly random: () => number;
}

/**
 * Keeps one connection alive: opens it, lets its owner work on it, opens the next one after a pause that grows.
 * Never waits for Redis when stopped. Source: spec "messaging", sections 5 and 8.1.
 */
export class Link<Connection extends RedisConnection> {
  readonly #options: LinkOptions;
  readonly #owner: LinkOwner<Connection>;
  readonly #deps: LinkDeps;
  readonly #stopping = new AbortController();
  /** Settled when the first try has ended one way or the other. */
  readonly #tried = Promise.withResolvers<void>();
  #loop: Promise<void> | null = null;
  #connection: Connection | null = null;
  #live: Connection | null = null;
  #attempt = 0;
  #wake: (() => void) | null = null;

  constructor(options: LinkOptions, owner: LinkOwner<Connection>, deps: LinkDeps) {
    this.#options = options;
    this.#owner = owner;
    this.#deps = deps;
  }

  /** The connection while it does its job, else null. */
  get live(): Connection | null {
    return this.#live;
  }

  /** Begins. Resolves when the first try has succeeded or failed, or after `limitMs`; the work goes on either way. */
  async start(limitMs: number): Promise<void> {
    this.#loop ??= this.#keepAlive();
    const timer = this.#deps.clock.after(limitMs, () => this.#tried.resolve());
    await this.#tried.promise;
    timer.cancel();
  }

  /** Ends the connection and the tries at once; resolves when the owner's `run` has returned. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake?.();
    this.#connection?.close();
    await this.#loop;
  }

  /** Cuts the present pause between two tries short: somebody else has just reached the same server. */
  retryNow(): void {
    this.#wake?.();
  }

  async #keepAlive(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted && (await this.#tryOnce(signal))) await this.#pause(signal);
    this.#tried.resolve();
  }

  /** @returns false when there must not be another try */
  async #tryOnce(signal: AbortSignal): Promise<boolean> {
    let wasUp = false;
    try {
      this.#connection = await this.#owner.open(signal);
      const connection = this.#connection;
      await this.#owner.run(connection, () => {
        wasUp = true;
        this.#attempt = 0;
        this.#live = connection;
        this.#tried.resolve();
      });
      return false;
    } catch (error) {
      if (signal.aborted) return false;
      this.#live = null;
      this.#owner.lost(toRedisError(error), wasUp);
    } finally {
      this.#live = null;
      this.#connection?.close();
      this.#connection = null;
    }
    this.#tried.resolve();
    const { maxAttempts } = this.#options;
    if (maxAttempts === null || this.#attempt < maxAttempts) return true;
    this.#owner.exhausted();
    return false;
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const delayMs = nextRetryMs(this.#attempt, this.#deps.random());
    this.#attempt += 1;
    this.#owner.waiting(delayMs);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#deps.clock.after(delayMs, resolve);
    this.#wake = resolve;
    await promise;
    this.#wake = null;
    timer.cancel();
    if (!signal.aborted) this.#owner.retrying();
  }
}
