import type { Connections, ConnectionValues } from "./connections.ts";
import type { Environment } from "./environment.ts";
import { oneOf } from "./one-of.ts";
import { DEFAULTS } from "./option-set.ts";
import { OPTION_TABLE, type Options } from "./option-table.ts";
import type { DoorKey } from "./secrets.ts";
import type {
  EmbeddedNatsSettings,
  NatsChannelSettings,
  NatsSettings,
  RedisChannelSettings,
  RedisSettings,
  RpcSettings,
} from "./settings.ts";

/** Calls to the application; the transport follows from the scheme of the host unless it is named. */
export function buildRpc(options: Options, key: DoorKey, env: Environment): RpcSettings {
  const host = options["rpc.host"];
  const rootCa = options["rpc.tls_root_ca_path"];
  const requestTimeoutMs = Math.max(0, options["rpc.request_timeout"]);
  return {
    implementation: implementationOf(options["rpc.implementation"], host),
    host,
    headers: options["rpc.proxy_headers"],
    cookies: options["rpc.proxy_cookies"].map((name) => name.trim()),
    concurrency: concurrencyOf(options),
    concurrencyInitial: options["rpc.concurrency_initial"],
    concurrencyMin: options["rpc.concurrency_min"],
    concurrencyMax: options["rpc.concurrency_max"],
    tls: {
      isEnabled: options["rpc.enable_tls"] || rootCa !== "",
      isVerified: options["rpc.tls_verify"],
      rootCa,
      isAlpnRequired: env["GRPC_ENFORCE_ALPN_ENABLED"] !== "false",
    },
    secret: key.secret,
    isSecretDerived: key.isDerived,
    requestTimeoutMs,
    commandTimeoutMs: Math.max(0, options["rpc.command_timeout"]),
    httpRequestTimeoutMs:
      Math.max(0, options["rpc.http_request_timeout"]) || requestTimeoutMs || 3000,
    maxRecvBytes: Math.max(0, options["rpc.max_recv_size"]),
    maxSendBytes: Math.max(0, options["rpc.max_send_size"]),
  };
}

function implementationOf(name: string, host: string): RpcSettings["implementation"] {
  const scheme = /^([^/]+):\/\//.exec(host)?.[1] ?? "";
  const guess = scheme === "http" || scheme === "https" ? "http" : "grpc";
  return oneOf(name, ["grpc", "http", "none"], guess);
}

function concurrencyOf(options: Options): number {
  return options["rpc.concurrency"] < 0 ? DEFAULTS["rpc.concurrency"] : options["rpc.concurrency"];
}

/** A Redis connection of one component: its own values, zero where it has none, or the shared ones. */
export function buildRedis(shared: Options, own: ConnectionValues | undefined): RedisSettings {
  const options = connectionOptions(shared, own);
  return {
    url: options["redis.url"],
    sentinels: items(options["redis.sentinels"]),
    sentinelDiscoveryIntervalS: options["redis.sentinel_discovery_interval"],
    keepaliveIntervalS: options["redis.keepalive_ping_interval"],
    isTlsVerified: options["redis.tls_verify"],
    tlsCaCertPath: options["redis.tls_ca_cert_path"],
    tlsClientCertPath: options["redis.tls_client_cert_path"],
    tlsClientKeyPath: options["redis.tls_client_key_path"],
    maxReconnectAttempts: options["redis.max_reconnect_attempts"],
    isCacheDisabled: options["redis.disable_cache"],
  };
}

/** A NATS connection of one component, like `buildRedis`. */
export function buildNats(shared: Options, own: ConnectionValues | undefined): NatsSettings {
  const options = connectionOptions(shared, own);
  return {
    servers: items(options["nats.servers"]),
    isOrdered: options["nats.dont_randomize_servers"],
    maxReconnectAttempts: options["nats.max_reconnect_attempts"],
  };
}

/** A Redis channel with its connection. */
export function redisChannel(
  options: Options,
  connections: Connections,
  section: "redis_pubsub" | "redis_pubsub_broadcast",
): RedisChannelSettings {
  return {
    channel: options[`${section}.channel`],
    redis: buildRedis(options, connections.get(`${section}.redis`)),
  };
}

/** A NATS subject with its connection. */
export function natsChannel(
  options: Options,
  connections: Connections,
  section: "nats_pubsub" | "nats_broadcast",
): NatsChannelSettings {
  return {
    channel: options[`${section}.channel`],
    nats: buildNats(options, connections.get(`${section}.nats`)),
  };
}

/** The embedded NATS server; broker `nats` needs JetStream. */
export function buildEmbeddedNats(options: Options): EmbeddedNatsSettings {
  return {
    isEnabled: options["embedded_nats.enabled"],
    isDebug: options["embedded_nats.debug"],
    isTrace: options["embedded_nats.trace"],
    name: options["embedded_nats.name"],
    serviceAddr: options["embedded_nats.service_addr"],
    clusterAddr: options["embedded_nats.cluster_addr"],
    clusterName: options["embedded_nats.cluster_name"],
    gatewayAddr: options["embedded_nats.gateway_addr"],
    gatewayAdvertise: options["embedded_nats.gateway_advertise"],
    gateways: options["embedded_nats.gateways"],
    routes: options["embedded_nats.routes"],
    isJetstream: options["embedded_nats.jetstream"] || options["broker.adapter"] === "nats",
    storeDir: options["embedded_nats.jetstream_store_dir"],
    jetstreamReadyTimeoutS: options["embedded_nats.jetstream_ready_timeout"],
    maxPayloadBytes: options["embedded_nats.max_payload"],
  };
}

function connectionOptions(shared: Options, own: ConnectionValues | undefined): Options {
  if (own === undefined) return shared;
  const zeros = OPTION_TABLE.map((row) => [row.key, ZEROS[row.type]]);
  // The cast holds: every option has a value of its row's type, and those of the file were parsed as such.
  return { ...Object.fromEntries(zeros), ...Object.fromEntries(own) } as Options;
}

const ZEROS = { string: "", bool: false, int: 0, uint: 0, list: [], tags: [] };

function items(text: string): string[] {
  return text.split(",").filter((item) => item !== "");
}
