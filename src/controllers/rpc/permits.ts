import type { Gauge } from "../../ports/metrics.ts";

export interface PermitsDeps {
  /** Callers that wait now. */
  readonly pending: Gauge;
}

/**
 * How many calls may run at once, in the order of the callers. One object for all sessions.
 * The number may change while calls run: lowering it lets them finish. Source: spec "rpc", section 7.
 */
export class Permits {
  private readonly deps: PermitsDeps;
  private readonly queue: (() => void)[] = [];
  private total: number;
  private taken = 0;

  /** @param total calls at once, at least 1 */
  constructor(total: number, deps: PermitsDeps) {
    this.total = total;
    this.deps = deps;
  }

  get capacity(): number {
    return this.total;
  }

  /** Callers that wait. */
  get waiting(): number {
    return this.queue.length;
  }

  /** Takes a permit if nobody has to wait for it. @returns false when there is none: `wait` for one */
  tryTake(): boolean {
    if (this.taken >= this.total || this.queue.length > 0) return false;
    this.taken += 1;
    return true;
  }

  /** Resolves with a permit, after all who asked before. Bounded by the number of sessions: each has one call at a time. */
  wait(): Promise<void> {
    this.deps.pending.add(1);
    return new Promise((resolve) => {
      this.queue.push(() => {
        this.deps.pending.add(-1);
        resolve();
      });
      this.grant();
    });
  }

  /** Gives a permit back. */
  release(): void {
    this.taken -= 1;
    this.grant();
  }

  resize(total: number): void {
    this.total = total;
    this.grant();
  }

  private grant(): void {
    while (this.taken < this.total) {
      const next = this.queue.shift();
      if (next === undefined) return;
      this.taken += 1;
      next();
    }
  }
}
