import { parseRedisTarget } from "../../src/clients/redis/parse-target.ts";
import type { RedisClientOptions, RedisTarget } from "../../src/clients/redis/target.ts";

/** A `[redis]` section with its defaults, unless given. */
export function redisOptions(given: Partial<RedisClientOptions> = {}): RedisClientOptions {
  return {
    url: "redis://localhost:6379",
    sentinels: [],
    keepaliveIntervalS: 30,
    isTlsVerified: false,
    tlsCaCertPath: "",
    tlsClientCertPath: "",
    tlsClientKeyPath: "",
    maxReconnectAttempts: 5,
    ...given,
  };
}

/** The place a URL leads to. */
export function redisTarget(url: string, given: Partial<RedisClientOptions> = {}): RedisTarget {
  return parseRedisTarget(redisOptions({ url, ...given }));
}
