import { NodeConnection, type NodeOptions } from "../../src/clients/redis/node-connection.ts";
import { dataSettings } from "../../src/clients/redis/raw-options.ts";
import type { RedisTarget } from "../../src/clients/redis/target.ts";
import type { Clock } from "../../src/ports/clock.ts";

/** The clock of the system, as the app has it. */
export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A connection to the first address of a target. Close it. */
export function openNode(
  target: RedisTarget,
  given: Partial<NodeOptions> = {},
  clock: Clock = SYSTEM_CLOCK,
  signal = new AbortController().signal,
): Promise<NodeConnection> {
  const [address] = target.addresses;
  if (address === undefined) throw new Error("the target has no address");
  const options = {
    ...dataSettings(target, true),
    database: target.database,
    isPrimary: true,
    isTagged: true,
    pingIntervalMs: 0,
    ...given,
  };
  return NodeConnection.open(address, options, clock, signal);
}
