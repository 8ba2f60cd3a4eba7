import { closeSync, openSync, statSync } from "node:fs";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Service } from "../../ports/service.ts";

const CHECK_MS = 250;
/** Kept for the backend, log, files and the answers that say no. */
const RESERVE = 64;

/**
 * Watches how many file descriptors are in use. At the limit the runtime would spin on sockets that it cannot accept;
 * below it a reserve is kept, in which newcomers are refused.
 */
export class DescriptorGuard implements Service {
  readonly name = "descriptor guard";
  private used = 0;
  private admitted = 0;
  private isFull = false;
  private timer: Timer | null = null;
  private readonly limit: number;
  private readonly deps: {
    readonly clock: Clock;
    readonly log: Log;
    /** `countDescriptors` unless tests know better. */
    readonly countUsed: (limit: number) => number;
  };

  /** @param limit descriptors this process may have; Infinity when unknown */
  constructor(limit: number, deps: DescriptorGuard["deps"]) {
    this.limit = limit;
    this.deps = deps;
  }

  start(): Promise<void> {
    this.check();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.timer?.cancel();
    this.timer = null;
    return Promise.resolve();
  }

  /** False when a newcomer would use the reserve. Counts the newcomer. */
  hasRoom(): boolean {
    if (this.used + this.admitted + RESERVE >= this.limit) {
      this.measure();
      if (this.used + RESERVE >= this.limit) return false;
    }
    this.admitted++;
    return true;
  }

  private check(): void {
    this.measure();
    const isFull = this.used + RESERVE >= this.limit;
    if (isFull && !this.isFull) {
      this.deps.log.error("too many open files, new connections are refused", {
        limit: this.limit,
      });
    }
    if (!isFull && this.isFull) this.deps.log.info("new connections are accepted again");
    this.isFull = isFull;
    this.timer = this.deps.clock.after(CHECK_MS, () => this.check());
  }

  private measure(): void {
    this.admitted = 0;
    this.used = this.deps.countUsed(this.limit);
  }
}

/**
 * How many descriptors this process has open. Linux says so since 6.2; elsewhere the number of a fresh one must do: the
 * system gives out the lowest that is free.
 * @param limit the answer when none is left
 */
export function countDescriptors(limit: number): number {
  const { size } = statSync("/proc/self/fd", { throwIfNoEntry: false }) ?? { size: 0 };
  if (size > 0) return size;
  try {
    const lowest = openSync("/dev/null", "r");
    closeSync(lowest);
    return lowest;
  } catch {
    // None left at all.
    return limit;
  }
}
