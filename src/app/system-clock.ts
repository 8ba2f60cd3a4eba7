import type { Clock } from "../ports/clock.ts";

/** The longest time a timer of the runtime can take; beyond it would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The system's time. A fraction of a millisecond comes from the monotonic clock, set right whenever the two part. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
