import { closeSync, openSync } from "node:fs";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Service } from "../../ports/service.ts";

const CHECK_MS = 250;
/** Kept for the backend, log, files and the answers that say no. */
const RESERVE = 64;

/**
 * Watches how many file descriptors are in use. At the limit the runtime would spin on sockets that it cannot accept;
 * below it a reserve is kept, in which newcomers are refused. The number of a freshly opened descriptor tells how
 * many are taken: the system gives out the lowest free one.
 */
export class DescriptorGuard implements Service {
  readonly name = "descriptor guard";
  private highest = 0;
  private admitted = 0;
  private isFull = false;
  private timer: Timer | null = null;
  private readonly limit: number;
  private readonly deps: { readonly clock: Clock; readonly log: Log };

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
    if (this.highest + this.admitted + RESERVE >= this.limit) {
      this.measure();
      if (this.highest + RESERVE >= this.limit) return false;
    }
    this.admitted++;
    return true;
  }

  private check(): void {
    this.measure();
    const isFull = this.highest + RESERVE >= this.limit;
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
    try {
      this.highest = openSync("/dev/null", "r");
      closeSync(this.highest);
    } catch {
      // None left at all.
      this.highest = this.limit;
    }
  }
}
