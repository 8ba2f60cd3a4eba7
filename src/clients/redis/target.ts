/** One Redis connection as its user wrote it: the keys of a `[redis]` section. Source: spec "messaging", section 7. */
export interface RedisClientOptions {
  /** One address or several, separated by commas; the first gives credentials, database and TLS. */
  readonly url: string;
  /** `[user][:password@]host[:port]` or URLs; empty without Sentinel. */
  readonly sentinels: readonly string[];
  /** TCP keep-alive; 0 leaves it off. */
  readonly keepaliveIntervalS: number;
  /** False accepts any certificate. */
  readonly isTlsVerified: boolean;
  /** PEM files, read for TLS addresses only; empty for none. The client's certificate needs both of its files. */
  readonly tlsCaCertPath: string;
  readonly tlsClientCertPath: string;
  readonly tlsClientKeyPath: string;
  /** Failures in a row that are survived; the next one is final. */
  readonly maxReconnectAttempts: number;
}

/** Where one server listens. */
export type RedisAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

/** Who we are to a server; both empty for nobody in particular. */
export interface RedisLogin {
  readonly username: string;
  readonly password: string;
}

/** Files' contents, checked; empty text for "none given". */
export interface RedisTls {
  readonly isVerified: boolean;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A sentinel; each has its own scheme, all share the login of the first. */
export interface RedisSentinel {
  readonly address: RedisAddress;
  readonly login: RedisLogin;
  readonly isTls: boolean;
}

/** Where to connect and how, ready for use. Holds secrets: never log it, log `describeTarget`. */
export interface RedisTarget {
  readonly mode: "single" | "sentinel" | "cluster";
  /** Data nodes; empty with Sentinel. */
  readonly addresses: readonly RedisAddress[];
  readonly sentinels: readonly RedisSentinel[];
  /** What the sentinels call the primary; empty without them. */
  readonly masterName: string;
  readonly login: RedisLogin;
  readonly database: number;
  /** TLS of the data nodes; null for none. */
  readonly tls: RedisTls | null;
  /** TLS of those sentinels that want it. */
  readonly sentinelTls: RedisTls | null;
  readonly clientName: string;
  readonly dialTimeoutMs: number;
  /** An answer that takes longer ends the connection. */
  readonly responseTimeoutMs: number;
  readonly keepaliveMs: number;
}

/** `host:port`, `[::1]:6379` or the path of a socket. */
export function formatAddress(address: RedisAddress): string {
  if ("path" in address) return address.path;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** The servers as logs list them: `localhost:6379`, or `[a:6379 b:6379]` when there are several. */
export function listAddresses(target: RedisTarget): string {
  switch (target.mode) {
    case "single":
      return target.addresses.map(formatAddress).join(" ");
    case "cluster":
      return `[${target.addresses.map(formatAddress).join(" ")}]`;
    case "sentinel":
      return `[${target.sentinels.map((sentinel) => formatAddress(sentinel.address)).join(" ")}]`;
  }
}

/** The same, saying of what kind they are: `[a:26379] (sentinels)`, `[a:6379 b:6379] (cluster)`. */
export function describeHosts(target: RedisTarget): string {
  const hosts = listAddresses(target);
  if (target.mode === "single") return hosts;
  return `${hosts} (${target.mode === "sentinel" ? "sentinels" : "cluster"})`;
}
