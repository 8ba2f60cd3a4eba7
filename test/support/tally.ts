import { writeSync } from "node:fs";

/** What became of publications, each with a value of its own. */
export interface Tally {
  readonly sent: number;
  readonly received: number;
  /** Sent and never received. */
  readonly missing: readonly number[];
  /** Received more than once. */
  readonly doubled: readonly number[];
}

/**
 * Compares what was sent with what a client made use of.
 * @param extra values that may arrive or not: nobody knows whether they were taken
 * @throws when something arrived that nobody had sent
 */
export function tally(
  sent: readonly number[],
  received: readonly number[],
  extra: readonly number[] = [],
): Tally {
  const times = new Map<number, number>();
  for (const value of received) times.set(value, (times.get(value) ?? 0) + 1);
  const known = new Set([...sent, ...extra]);
  const strange = received.filter((value) => !known.has(value));
  if (strange.length > 0) throw new Error(`nobody sent ${strange}`);
  return {
    sent: sent.length,
    received: received.length,
    missing: sent.filter((value) => !times.has(value)),
    doubled: [...times].filter(([, count]) => count > 1).map(([value]) => value),
  };
}

/** Prints a tally beside the test's result: figures of a fault are worth more than a tick. */
export function printTally(what: string, { sent, received, missing, doubled }: Tally): void {
  const line = `sent ${sent}, received ${received}, missing ${missing.length}, doubled ${doubled.length}`;
  writeSync(1, `  ${what}: ${line}\n`);
}
