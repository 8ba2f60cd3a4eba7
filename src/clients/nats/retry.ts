const FIRST_MS = 250;

/**
 * How long to wait after a round of failures: 250 ms after the first, then whole seconds, doubling: 2 to 3, 4 to 7, 8 to 15,
 * 16 to 31. A server that was never there is asked for every 2 to 3 seconds: nothing is lost yet, and it may be starting.
 * @param attempt failures survived so far, from 0
 * @param random a number from 0 up to, not including, 1
 * Source: spec "messaging", section 5 ("NextRetry").
 */
export function retryDelayMs(attempt: number, random: number, wasEverUp: boolean): number {
  if (attempt === 0) return FIRST_MS;
  const floorS = 2 ** Math.min(attempt, wasEverUp ? 4 : 1);
  return Math.floor(floorS + random * floorS) * 1000;
}
