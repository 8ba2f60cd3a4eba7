import type { Clock, Timer } from "../../src/ports/clock.ts";

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is moved. Starts at 2024-03-06T14:16:27.872Z unless told otherwise. */
export class FakeClock implements Clock {
  private readonly pendings = new Set<Pending>();
  private nowMs: number;
  private order = 0;

  constructor(nowMs = 1_709_734_587_872) {
    this.nowMs = nowMs;
  }

  now(): number {
    return this.nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const pending = { dueMs: this.nowMs + Math.max(0, delayMs), order: this.order++, callback };
    this.pendings.add(pending);
    return { cancel: () => void this.pendings.delete(pending) };
  }

  /** How many timers wait; 0 says that nothing was left behind. */
  get pending(): number {
    return this.pendings.size;
  }

  /** Runs everything due in the next `ms`, in order of time, then of creation; timers set meanwhile included. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let next = this.next(untilMs); next !== null; next = this.next(untilMs)) {
      this.pendings.delete(next);
      this.nowMs = next.dueMs;
      next.callback();
    }
    this.nowMs = untilMs;
  }

  /** Like `advance`, but lets promises settle before each timer and after the last. */
  async advanceAsync(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await settled();
    for (let next = this.next(untilMs); next !== null; next = this.next(untilMs)) {
      this.pendings.delete(next);
      this.nowMs = next.dueMs;
      next.callback();
      await settled();
    }
    this.nowMs = untilMs;
  }

  private next(untilMs: number): Pending | null {
    let first: Pending | null = null;
    for (const pending of this.pendings) {
      if (pending.dueMs > untilMs) continue;
      if (first === null || isBefore(pending, first)) first = pending;
    }
    return first;
  }
}

function isBefore(a: Pending, b: Pending): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

/** One pass of the event loop: every promise that can settle without I/O has. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
