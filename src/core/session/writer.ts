import type { Clock, Timer } from "../../ports/clock.ts";

/** Something with frames to hand over once per event-loop turn. */
export interface Flushable {
  flush(now: number): void;
  /** Called while the peer does not keep up, see `watch`. */
  checkStall(now: number): void;
}

const STALL_CHECK_MS = 100;

/**
 * Flushes every outbox that got frames, once per event-loop turn (`setImmediate`: measured ten times cheaper than
 * per publication, and no later for the first frame), and looks after the stalled ones ten times a second.
 */
export class Writer {
  private dirty: Flushable[] = [];
  private isScheduled = false;
  private readonly stalled = new Set<Flushable>();
  private check: Timer | null = null;
  private readonly clock: Clock;

  constructor(deps: { readonly clock: Clock }) {
    this.clock = deps.clock;
  }

  /** Flushes `flushable` in this turn; call it once per turn and flushable. */
  schedule(flushable: Flushable): void {
    this.dirty.push(flushable);
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(this.flushAll);
  }

  /** Looks after it ten times a second until `unwatch`. */
  watch(flushable: Flushable): void {
    this.stalled.add(flushable);
    this.check ??= this.clock.after(STALL_CHECK_MS, this.checkStalled);
  }

  unwatch(flushable: Flushable): void {
    this.stalled.delete(flushable);
  }

  private readonly flushAll = (): void => {
    const flushables = this.dirty;
    this.dirty = [];
    this.isScheduled = false;
    const now = this.clock.now();
    let next = 0;
    try {
      for (const flushable of flushables) {
        next++;
        flushable.flush(now);
      }
    } finally {
      // A throw is a bug of one; the others must not wait for ever.
      for (const flushable of flushables.slice(next)) this.schedule(flushable);
    }
  };

  private readonly checkStalled = (): void => {
    const now = this.clock.now();
    try {
      for (const flushable of this.stalled) flushable.checkStall(now);
    } finally {
      this.check =
        this.stalled.size === 0 ? null : this.clock.after(STALL_CHECK_MS, this.checkStalled);
    }
  };
}
