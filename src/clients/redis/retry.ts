const FIRST_MS = 250;

/**
 * How long to wait after a failure: 250 ms after the first, then whole seconds, doubling: 2 to 3, 4 to 7, 8 to 15, 16 to 31.
 * @param attempt failures survived so far, from 0
 * @param random a number from 0 up to, not including, 1
 * Source: spec "messaging", section 5 ("NextRetry"). From the fifth on it stays at 16 to 31 seconds.
 */
export function nextRetryMs(attempt: number, random: number): number {
  if (attempt === 0) return FIRST_MS;
  const floorS = 2 ** Math.min(attempt, 4);
  return Math.floor(floorS + random * floorS) * 1000;
}
