import type { Clock } from "../ports/clock.ts";

/** The longest time a timer of the runtime can take; beyond it would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;
/** The system's clock has whole milliseconds; beyond that the two clocks have parted. */
const TOLERANCE_MS = 10;

/**
 * The system's time, also after somebody has set it or the machine has slept. The fraction of a millisecond comes from
 * the monotonic clock.
 */
export function createSystemClock(): Clock {
  let origin = performance.timeOrigin;
  return {
    now: () => {
      const wall = Date.now();
      const now = origin + performance.now();
      if (Math.abs(now - wall) < TOLERANCE_MS) return now;
      origin = wall - performance.now();
      return wall;
    },
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
      timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
