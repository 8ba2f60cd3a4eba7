import { ServerError } from "../../messages/server-error.ts";
import { parseRedisUrl, type RedisUrl } from "./parse-url.ts";
import { readRedisTls } from "./read-tls.ts";
import type { RedisClientOptions, RedisLogin, RedisSentinel, RedisTarget } from "./target.ts";

const DIAL_TIMEOUT_MS = 5000;
const RESPONSE_TIMEOUT_MS = 4000;

/**
 * Turns a `[redis]` section into a place to connect to. Reads the TLS files when an address wants TLS.
 * Several addresses without a sentinel are a Redis Cluster; sentinels come from their own list, or the URL is one
 * (`redis://sentinel:26379?master_set=mymaster`).
 * @throws {ServerError} `redis_url_invalid`, `redis_tls_invalid`: start must stop
 * Source: spec "messaging", section 7.
 */
export function parseRedisTarget(options: RedisClientOptions): RedisTarget {
  const [first, ...others] = options.url.split(",").map(parseRedisUrl);
  if (first === undefined) throw new ServerError("redis_url_invalid", "redis: no URL");
  const listed = options.sentinels.filter((text) => text !== "").map(parseRedisUrl);
  const sentinels = listed.length > 0 ? sentinelsOf(listed) : ownSentinels(first, others);
  const masterName = listed.length > 0 ? first.host : first.masterSet;
  const addresses =
    sentinels.length > 0
      ? []
      : [...first.addresses, ...others.flatMap(({ addresses: more }) => more)];
  const isSentinelTls = sentinels.some(({ isTls }) => isTls);
  const tls = first.isTls || isSentinelTls ? readRedisTls(options) : null;
  return {
    mode: sentinels.length > 0 ? "sentinel" : addresses.length > 1 ? "cluster" : "single",
    addresses,
    sentinels,
    masterName,
    login: first.login,
    database: first.database ?? listed[0]?.database ?? 0,
    tls: first.isTls ? tls : null,
    sentinelTls: isSentinelTls ? tls : null,
    clientName: first.clientName,
    dialTimeoutMs: first.dialTimeoutMs || DIAL_TIMEOUT_MS,
    responseTimeoutMs: first.writeTimeoutMs || RESPONSE_TIMEOUT_MS,
    keepaliveMs: options.keepaliveIntervalS * 1000,
  };
}

function sentinelsOf(urls: readonly RedisUrl[]): readonly RedisSentinel[] {
  const login = urls[0]?.login ?? NOBODY;
  return urls.flatMap((url) =>
    url.addresses.map((address) => ({ address, login, isTls: url.isTls })),
  );
}

/** Credentials of such a URL are those of the data nodes: the sentinel is asked without any. */
function ownSentinels(first: RedisUrl, others: readonly RedisUrl[]): readonly RedisSentinel[] {
  if (first.masterSet === "") return [];
  return [first, ...others].flatMap((url) =>
    url.addresses.map((address) => ({ address, login: NOBODY, isTls: first.isTls })),
  );
}

const NOBODY: RedisLogin = { username: "", password: "" };
