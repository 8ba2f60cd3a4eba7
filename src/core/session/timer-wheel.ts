import type { Clock, Timer } from "../../ports/clock.ts";

/** An entry of the wheel. Its times are the wheel's, see `TimerWheel.now`. */
export interface Sleeper {
  /** Next time to wake, in milliseconds; Infinity for never. Set through `TimerWheel.wake` only. */
  wakeAt: number;
  /** @returns the next time to wake; Infinity for never */
  awake(now: number): number;
}

const SLOT_MS = 50;
/** A prime, so that no common interval falls into the same slot again. */
const SLOTS = 1021;
/** Beyond it the process slept, or somebody set the clock: that is not the time of those who wait. */
const MAX_STEP_MS = 1000;

/**
 * Many coarse timers in one: 10 000 pings cost as little as one (a `setTimeout` each took 15 times the CPU).
 * Wakes at most one slot (50 ms) late. A sleeper that moves is found again by its slot, so stale entries fall out by themselves.
 */
export class TimerWheel {
  private readonly slots: Sleeper[][] = Array.from({ length: SLOTS }, () => []);
  /** The wheel's time at the last look at the clock. */
  private elapsedMs = 0;
  private lookedAt: number;
  private lastSlot = 0;
  private tick: Timer | null = null;
  private readonly clock: Clock;

  constructor(deps: { readonly clock: Clock }) {
    this.clock = deps.clock;
    this.lookedAt = this.clock.now();
  }

  /**
   * Milliseconds since the wheel was made. Goes with the clock, but never back, and by a second at most when the clock
   * leaps: a clock that is set must neither stop the pings nor expire every deadline.
   */
  now(): number {
    const clock = this.clock.now();
    this.elapsedMs += Math.min(Math.max(0, clock - this.lookedAt), MAX_STEP_MS);
    this.lookedAt = clock;
    return this.elapsedMs;
  }

  start(): void {
    this.tick = this.clock.after(SLOT_MS, this.turn);
  }

  stop(): void {
    this.tick?.cancel();
    this.tick = null;
  }

  /** Sets the time to wake, earlier or later than before. */
  wake(sleeper: Sleeper, at: number): void {
    if (at === sleeper.wakeAt) return;
    sleeper.wakeAt = at;
    if (at === Number.POSITIVE_INFINITY) return;
    // Never into a slot already passed: it would wait for a whole revolution.
    this.slotAt(Math.max(slotNumber(at), this.lastSlot + 1)).push(sleeper);
  }

  private readonly turn = (): void => {
    try {
      const now = this.now();
      const current = Math.floor(now / SLOT_MS);
      while (this.lastSlot < current) {
        this.lastSlot++;
        this.visit(this.lastSlot, now);
      }
    } finally {
      if (this.tick !== null) this.tick = this.clock.after(SLOT_MS, this.turn);
    }
  };

  private visit(slot: number, now: number): void {
    const sleepers = this.slotAt(slot);
    if (sleepers.length === 0) return;
    this.slots[slot % SLOTS] = [];
    let next = 0;
    try {
      for (const sleeper of sleepers) {
        next++;
        if (sleeper.wakeAt <= now) this.wake(sleeper, sleeper.awake(now));
        else if (slotNumber(sleeper.wakeAt) % SLOTS === slot % SLOTS) {
          this.slotAt(slot).push(sleeper);
        }
      }
    } finally {
      // A throw is a bug of one; the others must not sleep for ever.
      this.slotAt(slot + 1).push(...sleepers.slice(next));
    }
  }

  private slotAt(slot: number): Sleeper[] {
    // The index is always below SLOTS; the fallback only satisfies the type.
    return this.slots[slot % SLOTS] ?? [];
  }
}

/** The first slot that begins at or after the time. */
function slotNumber(at: number): number {
  return Math.ceil(at / SLOT_MS);
}
