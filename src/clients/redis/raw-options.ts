import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { RedisOptions } from "ioredis";
import type { RedisAddress, RedisLogin, RedisTarget, RedisTls } from "./target.ts";

/** What an ioredis connection needs from a target, whatever its address. */
export interface RawSettings {
  readonly login: RedisLogin;
  readonly tls: RedisTls | null;
  readonly clientName: string;
  readonly dialTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly keepaliveMs: number;
  /** True sends the commands of one event-loop turn in one write. */
  readonly isPipelined: boolean;
}

/** Settings of connections to a target's data nodes. */
export function dataSettings(target: RedisTarget, isPipelined: boolean): RawSettings {
  const { login, tls, clientName, dialTimeoutMs, responseTimeoutMs, keepaliveMs } = target;
  return { login, tls, clientName, dialTimeoutMs, responseTimeoutMs, keepaliveMs, isPipelined };
}

/** The reply mapping is named because ioredis' constructor takes no options whose mapping may be undefined. */
export type RawOptions = RedisOptions & { readonly replyMapping: "legacy" };

/**
 * Options that take from ioredis what Link does better: reconnecting, resubscribing, queueing while away, logging in,
 * choosing the database. RESP2, because RESP3 is slower for messages. Source: RUNTIME.md section 4.
 * @param address the host is also the name the certificate is checked against; null: the caller has the addresses
 */
export function rawOptions(settings: RawSettings, address: RedisAddress | null): RawOptions {
  const { tls } = settings;
  const host = address !== null && "host" in address ? address.host : "";
  return {
    ...address,
    lazyConnect: true,
    protocol: 2,
    replyMapping: "legacy",
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    disableClientInfo: true,
    maxRetriesPerRequest: null,
    retryStrategy: () => null,
    connectTimeout: settings.dialTimeoutMs,
    disconnectTimeout: 100,
    socketTimeout: settings.responseTimeoutMs,
    keepAlive: settings.keepaliveMs,
    enableAutoPipelining: settings.isPipelined,
    ...(tls === null ? {} : { tls: tlsOptions(tls, host) }),
  };
}

/** What a cluster's connections add: there ioredis logs in itself, to nodes it finds itself. */
export function loginOptions({
  login,
  clientName,
}: RawSettings): Pick<RedisOptions, "username" | "password" | "connectionName"> {
  return {
    ...(login.username === "" ? {} : { username: login.username }),
    ...(login.password === "" ? {} : { password: login.password }),
    ...(clientName === "" ? {} : { connectionName: clientName }),
  };
}

function tlsOptions(tls: RedisTls, host: string): ConnectionOptions {
  return {
    minVersion: "TLSv1.2",
    rejectUnauthorized: tls.isVerified,
    ...(tls.ca === "" ? {} : { ca: tls.ca }),
    ...(tls.cert === "" ? {} : { cert: tls.cert, key: tls.key }),
    ...(host === "" || isIP(host) !== 0 ? {} : { servername: host }),
  };
}
