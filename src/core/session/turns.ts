import type { Clock } from "../../ports/clock.ts";

/** What a session has had of a turn of the event loop. */
export interface Slice {
  turn: number;
  startedAtMs: number;
}

/** A turn with a full slice in it is no longer noticed by others; a few hundred commands fit into one. */
const SLICE_MS = 4;

/**
 * Shares the event loop among clients. Commands that wait for nothing but promises would otherwise run one after
 * another, up to the last a client has sent, before any other client is heard.
 */
export class Turns {
  private number = 0;
  private isScheduled = false;
  private readonly waiting = new Set<() => void>();
  private readonly clock: Clock;

  constructor(deps: { readonly clock: Clock }) {
    this.clock = deps.clock;
  }

  /** True when the session has had its slice of this turn; the first call in a turn begins it. */
  isSpent(slice: Slice): boolean {
    this.schedule();
    const now = this.clock.now();
    if (slice.turn === this.number) return now - slice.startedAtMs >= SLICE_MS;
    slice.turn = this.number;
    slice.startedAtMs = now;
    return false;
  }

  /** Resolves in a later turn. One session goes on per turn, in the order of the calls, however many wait. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.add(resolve);
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(this.turn);
  }

  private readonly turn = (): void => {
    this.isScheduled = false;
    this.number++;
    for (const resolve of this.waiting) {
      this.waiting.delete(resolve);
      if (this.waiting.size > 0) this.schedule();
      resolve();
      return;
    }
  };
}
