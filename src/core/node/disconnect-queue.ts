import type { Client } from "../../messages/client.ts";
import { truncate } from "../../messages/truncate.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Controller } from "../../ports/controller.ts";
import type { Attributes, Log } from "../../ports/log.ts";
import type { Gauge } from "../../ports/metrics.ts";
import { untilAborted } from "./until-aborted.ts";

interface Entry {
  readonly client: Client;
  readonly subscriptions: readonly string[];
}

const CATCH_UP_MS = 10;
/** Calls at once during a shutdown, as `shutdown_pool_size` of the reference. */
const POOL = 16;

/**
 * Disconnect calls, made one at a time at a steady rate, so that a crowd that leaves does not run the application
 * over. At shutdown the rate no longer holds and every call is made, 16 at a time for those who leave then. Nothing is dropped: beyond the backlog the queue
 * grows on, with a warning, since a session that has ended cannot be held back.
 */
export class DisconnectQueue {
  private queue: Entry[] = [];
  private head = 0;
  private timer: Timer | null = null;
  private readonly running = new Set<Promise<void>>();
  /** Calls of a shutdown that wait for the pool. */
  private readonly urgent: Entry[] = [];
  private nextUrgent = 0;
  private workers = 0;
  private nextAt = 0;
  private isDraining = false;
  private isStopped = false;
  private isOverfull = false;
  private readonly options: { readonly rate: number; readonly backlog: number };
  private readonly deps: {
    readonly controller: Controller;
    readonly clock: Clock;
    readonly size: Gauge;
    readonly log: Log;
  };

  constructor(options: DisconnectQueue["options"], deps: DisconnectQueue["deps"]) {
    this.options = options;
    this.deps = deps;
  }

  get size(): number {
    return this.queue.length - this.head;
  }

  /** Enqueues the call; during shutdown it does not wait for its turn. */
  add(client: Client, subscriptions: readonly string[]): void {
    if (this.isStopped) return;
    const entry = { client, subscriptions };
    if (this.isDraining) {
      this.urgent.push(entry);
      if (this.workers < POOL) this.track(this.callUrgent());
      return;
    }
    this.queue.push(entry);
    this.warnWhenOverfull();
    this.schedule();
  }

  /** Calls on their way, or next in the pool. */
  get runningCount(): number {
    return this.running.size + this.urgent.length - this.nextUrgent;
  }

  /** Waits for the calls on their way, or for the signal. */
  async settled(signal: AbortSignal): Promise<void> {
    while (this.running.size > 0 && !signal.aborted) {
      await untilAborted(Promise.all(this.running), signal);
    }
  }

  /** From now on calls do not wait for the rate. */
  hurry(): void {
    this.isDraining = true;
    this.timer?.cancel();
    this.timer = null;
  }

  /**
   * Makes the remaining calls one by one and waits for those that run.
   * @param signal aborted when there is no time left
   * @returns how many of the waiting calls were made, and how many were not
   */
  async drain(signal: AbortSignal): Promise<{ readonly made: number; readonly left: number }> {
    this.hurry();
    let made = 0;
    while (this.size > 0 && !signal.aborted) {
      const entry = this.take();
      if (entry === null) break;
      await untilAborted(this.call(entry), signal);
      made++;
    }
    await this.settled(signal);
    this.isStopped = true;
    return { made, left: this.size };
  }

  private schedule(): void {
    if (this.timer !== null || this.size === 0 || this.isDraining) return;
    const wait = Math.max(0, this.nextAt - this.deps.clock.now());
    this.timer = this.deps.clock.after(wait, () => this.track(this.callDue()));
  }

  /** Makes the calls that are due, one after another. */
  private async callDue(): Promise<void> {
    do {
      const entry = this.take();
      if (entry === null) break;
      this.nextAt = this.turnAfter(this.deps.clock.now());
      await this.call(entry);
    } while (!this.isDraining && this.nextAt <= this.deps.clock.now());
    this.timer = null;
    this.schedule();
  }

  private async callUrgent(): Promise<void> {
    this.workers++;
    for (;;) {
      const entry = this.urgent[this.nextUrgent];
      if (entry === undefined) break;
      this.nextUrgent++;
      await this.call(entry);
    }
    this.workers--;
  }

  /** Above 1000 a second timers are too coarse: what is behind by less than their step is caught up. */
  private turnAfter(now: number): number {
    const { rate } = this.options;
    if (rate <= 1000) return now + Math.floor(1000 / rate);
    return Math.max(this.nextAt, now - CATCH_UP_MS) + 1000 / rate;
  }

  private take(): Entry | null {
    const entry = this.queue[this.head];
    if (entry === undefined) return null;
    this.head++;
    if (this.head === this.queue.length) {
      this.queue = [];
      this.head = 0;
    } else if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    this.deps.size.set(this.size);
    return entry;
  }

  private async call({ client, subscriptions }: Entry): Promise<void> {
    const { log } = this.deps;
    if (log.isDebug)
      log.debug("disconnect", { sid: client.sid, ...describe(client, subscriptions) });
    try {
      await this.deps.controller.disconnect(client, subscriptions);
    } catch (error) {
      log.error("controller disconnect failed", { sid: client.sid, error });
    }
  }

  private track(call: Promise<void>): void {
    this.running.add(call);
    // `call` never rejects; the set only tells the shutdown what to wait for.
    void call.then(() => this.running.delete(call));
  }

  private warnWhenOverfull(): void {
    this.deps.size.set(this.size);
    const isOverfull = this.size > this.options.backlog;
    if (isOverfull && !this.isOverfull) {
      this.deps.log.warn("more Disconnect calls are waiting than disconnect_backlog_size", {
        num: this.size,
        backlog: this.options.backlog,
      });
    }
    this.isOverfull = isOverfull;
  }
}

/** Cookies and tokens travel in headers and in the query: neither is for a log. */
function describe({ identifiers, env }: Client, subscriptions: readonly string[]): Attributes {
  return {
    ids: truncate(identifiers),
    url: truncate(env.url.replace(/\?.*/s, "")),
    headers: Object.keys(env.headers),
    subscriptions: subscriptions.map((identifier) => truncate(identifier)),
  };
}
