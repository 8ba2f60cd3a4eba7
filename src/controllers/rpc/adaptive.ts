import type { Clock, Timer } from "../../ports/clock.ts";
import type { Gauge } from "../../ports/metrics.ts";

/** Bounds of the number of calls at once. */
export interface AdaptiveBounds {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

/** What is adjusted. */
export interface AdjustablePermits {
  readonly capacity: number;
  readonly waiting: number;
  resize(total: number): void;
}

export interface AdaptiveDeps {
  readonly clock: Clock;
  readonly permits: AdjustablePermits;
  /** Shows the number of calls at once. */
  readonly capacity: Gauge;
}

const TICK_MS = 1000;
const GAUGE_TICKS = 10;

/** Bounds that make sense: at least 1, in order, the start between them. */
export function normalBounds({ initial, min, max }: AdaptiveBounds): AdaptiveBounds {
  const low = Math.max(1, min);
  const high = Math.max(low, max);
  return { initial: Math.min(high, Math.max(low, initial)), min: low, max: high };
}

/**
 * Finds out how many calls at once the application takes: fewer after it said that it is exhausted, more
 * while callers wait. Source: spec "rpc", section 7.1.
 */
export class AdaptiveConcurrency {
  private readonly bounds: AdaptiveBounds;
  private readonly deps: AdaptiveDeps;
  private exhaustions = 0;
  private ticks = 0;
  private timer: Timer | null = null;

  /** @param bounds normal ones. @see normalBounds */
  constructor(bounds: AdaptiveBounds, deps: AdaptiveDeps) {
    this.bounds = bounds;
    this.deps = deps;
  }

  start(): void {
    this.deps.capacity.set(this.deps.permits.capacity);
    this.sleep();
  }

  stop(): void {
    this.timer?.cancel();
  }

  /** An attempt was answered with `ResourceExhausted`. */
  exhausted(): void {
    this.exhaustions += 1;
  }

  private sleep(): void {
    this.timer = this.deps.clock.after(TICK_MS, () => {
      this.adjust();
      this.sleep();
    });
  }

  private adjust(): void {
    const { permits, capacity } = this.deps;
    const next = this.nextCapacity(permits.capacity, permits.waiting);
    this.exhaustions = 0;
    if (next !== permits.capacity) permits.resize(next);
    this.ticks += 1;
    if (this.ticks % GAUGE_TICKS === 0) capacity.set(permits.capacity);
  }

  private nextCapacity(now: number, waiting: number): number {
    const { min, max } = this.bounds;
    if (this.exhaustions > 0) return Math.max(min, Math.min(Math.floor(now * 0.75), now - 1));
    if (waiting === 0) return now;
    const step = Math.max(1, Math.ceil(waiting / 4));
    return Math.min(max, now + step, now + Math.ceil(now / 10));
  }
}
