import { ServerError } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import { NodeConnection, type NodeOptions } from "./node-connection.ts";
import { toRedisError } from "./redis-error.ts";
import {
  formatAddress,
  type RedisAddress,
  type RedisSentinel,
  type RedisTarget,
} from "./target.ts";

const MAX_WAIT_MS = 1000;

/**
 * Address of the primary as the first sentinel that knows it says. Sentinels that are away cost a second each at most.
 * @throws {ServerError} `redis_sentinel_failed` with the last problem, when none of them knows it
 */
export async function askSentinels(
  target: RedisTarget,
  clock: Clock,
  signal: AbortSignal,
): Promise<RedisAddress> {
  const problems: string[] = [];
  for (const sentinel of target.sentinels) {
    try {
      const address = await ask(sentinel, target, clock, signal);
      if (address !== null) return address;
      problems.push(`${formatAddress(sentinel.address)}: does not know it`);
    } catch (error) {
      problems.push(`${formatAddress(sentinel.address)}: ${toRedisError(error).message}`);
    }
    if (signal.aborted) break;
  }
  throw new ServerError(
    "redis_sentinel_failed",
    `no sentinel names the primary of ${target.masterName} (${problems.join("; ")})`,
  );
}

async function ask(
  sentinel: RedisSentinel,
  target: RedisTarget,
  clock: Clock,
  signal: AbortSignal,
): Promise<RedisAddress | null> {
  const connection = await NodeConnection.open(
    sentinel.address,
    sentinelOptions(sentinel, target),
    clock,
    signal,
  );
  try {
    const answer = await connection.call("sentinel", "get-master-addr-by-name", target.masterName);
    if (!Array.isArray(answer)) return null;
    const [host, port] = answer.map(String);
    return host === undefined || port === undefined ? null : { host, port: Number(port) };
  } finally {
    connection.close();
  }
}

function sentinelOptions(sentinel: RedisSentinel, target: RedisTarget): NodeOptions {
  return {
    login: sentinel.login,
    tls: sentinel.isTls ? target.sentinelTls : null,
    clientName: target.clientName,
    dialTimeoutMs: Math.min(target.dialTimeoutMs, MAX_WAIT_MS),
    responseTimeoutMs: Math.min(target.responseTimeoutMs, MAX_WAIT_MS),
    keepaliveMs: target.keepaliveMs,
    isPipelined: false,
    database: 0,
    isPrimary: false,
    isTagged: false,
    pingIntervalMs: 0,
  };
}
