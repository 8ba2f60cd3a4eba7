import type { StreamRule } from "../messages/stream-rules.ts";

/**
 * The whole configuration, resolved: defaults, file, environment, flags, presets and fallbacks applied.
 * Only `src/app` sees it; every room gets its own small options object cut from it.
 * Units are those of the option (seconds) unless the name says `Ms` or `Bytes`. Empty texts mean "not set".
 * Source: spec "config", sections 3 to 6.
 */
export interface Settings {
  readonly nodeId: string;
  /** `--public`: already carried through into `isNoAuth`, `streams.isPublic` and the broadcast secret. */
  readonly isPublic: boolean;
  readonly isNoAuth: boolean;
  readonly server: ServerSettings;
  readonly logging: LoggingSettings;
  readonly rpc: RpcSettings;
  readonly broker: BrokerSettings;
  /** `null`: no secret, tokens are not looked at. */
  readonly jwt: JwtSettings | null;
  readonly streams: StreamsSettings;
  readonly ws: WebSocketSettings;
  readonly broadcast: BroadcastSettings;
  readonly httpBroadcast: HttpBroadcastSettings;
  readonly redisStreamBroadcast: RedisStreamBroadcastSettings;
  readonly redisPubsubBroadcast: RedisChannelSettings;
  readonly natsBroadcast: NatsChannelSettings;
  readonly pubsub: PubsubSettings;
  /** Shared connections; the components above carry the ones they use (their own or these). */
  readonly redis: RedisSettings;
  readonly nats: NatsSettings;
  readonly embeddedNats: EmbeddedNatsSettings;
  /** `null`: neither public, nor a secret, nor a port of its own. */
  readonly api: ApiSettings | null;
  readonly metrics: MetricsSettings;
  readonly app: AppSettings;
  readonly disconnector: DisconnectorSettings;
  readonly sse: SseSettings | null;
  readonly durableStreams: DurableStreamsSettings | null;
  readonly pusher: PusherSettings | null;
  readonly poll: PollSettings | null;
  readonly graphql: GraphqlSettings | null;
  readonly ocpp: OcppSettings | null;
}

/** The main listener and what all listeners share. */
export interface ServerSettings {
  /** `localhost` means 127.0.0.1 only, empty all interfaces. */
  readonly host: string;
  readonly port: number;
  /** Hosts, a leading `*` matches any beginning; empty list: no check. */
  readonly allowedOrigins: readonly string[];
  /** Per listener; 0: no limit. */
  readonly maxConnections: number;
  readonly healthPath: string;
  /** Both files were named; for all listeners. */
  readonly tls: { readonly certPath: string; readonly keyPath: string } | null;
}

/** What is logged and how. */
export interface LoggingSettings {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly format: "text" | "json";
  /** `--debug` itself was given, not just the level. */
  readonly isDebugBanner: boolean;
}

/** Calls to the application. */
export interface RpcSettings {
  readonly implementation: "grpc" | "http" | "none";
  readonly host: string;
  /** Lower-case names. */
  readonly headers: readonly string[];
  /** Empty: all cookies. */
  readonly cookies: readonly string[];
  /** Simultaneous calls; 0: adaptive within the three limits below. */
  readonly concurrency: number;
  readonly concurrencyInitial: number;
  readonly concurrencyMin: number;
  readonly concurrencyMax: number;
  readonly tls: RpcTlsSettings;
  /** Bearer of HTTP calls, own or derived; empty: none. */
  readonly secret: string;
  readonly isSecretDerived: boolean;
  /** 0: no limit of a single request (gRPC). */
  readonly requestTimeoutMs: number;
  /** A command with its retries; 0: no limit. */
  readonly commandTimeoutMs: number;
  /** Never 0. */
  readonly httpRequestTimeoutMs: number;
  /** 0: the default of the transport. */
  readonly maxRecvBytes: number;
  readonly maxSendBytes: number;
}

/** TLS towards a gRPC server. */
export interface RpcTlsSettings {
  /** `--rpc_enable_tls`, or a root certificate was given. */
  readonly isEnabled: boolean;
  readonly isVerified: boolean;
  /** Path of a PEM file or PEM text; empty: the roots of the system. */
  readonly rootCa: string;
  /** False only when `GRPC_ENFORCE_ALPN_ENABLED` is `false`: servers that do not speak ALPN are taken too. */
  readonly isAlpnRequired: boolean;
}

/** History, sessions and presence. */
export interface BrokerSettings {
  readonly adapter: "none" | "memory" | "nats" | "redis";
  readonly historyTtlS: number;
  readonly historyLimit: number;
  /** 0: sessions are not restorable. */
  readonly sessionsTtlS: number;
  readonly presenceTtlS: number;
  /** Servers of a JetStream cluster that keep each message of the NATS broker; 1, 3 or 5. */
  readonly natsReplicas: number;
  /** What some streams do differently, by name; the first rule that matches decides. */
  readonly streamRules: readonly StreamRule[];
}

/** Connection tokens. */
export interface JwtSettings {
  readonly secret: string;
  /** Query parameter; the header is `x-` and this in lower case. */
  readonly param: string;
  readonly isEnforced: boolean;
}

/** Streams subscribed to without asking the application. */
export interface StreamsSettings {
  /** Empty: no signed stream name is ever accepted. */
  readonly secret: string;
  readonly isPublic: boolean;
  readonly canWhisper: boolean;
  readonly hasPresence: boolean;
  /** Empty: no built-in channel. */
  readonly pubsubChannel: string;
  /** `null`: `Turbo::StreamsChannel` goes to the application; empty text: switched on without a key. */
  readonly turboSecret: string | null;
  /** `null`: `CableReady::Stream` goes to the application; empty text: switched on without a key. */
  readonly cableReadySecret: string | null;
}

/** The WebSocket endpoint. */
export interface WebSocketSettings {
  /** At least one; a path may end with `*`. */
  readonly paths: readonly string[];
  readonly maxMessageBytes: number;
  readonly writeTimeoutS: number;
  /** 0: no limit. */
  readonly maxPendingBytes: number;
  /** Of one session; 0: no limit. */
  readonly maxSubscriptions: number;
  readonly isCompressed: boolean;
  readonly readBufferBytes: number;
  readonly writeBufferBytes: number;
  /** Shown in the start line, nothing else. */
  readonly isNetpoll: boolean;
}

/** The name of a way in for publications. */
export type BroadcastAdapter = "http" | "redis" | "redisx" | "nats";

/** Where publications come from. */
export interface BroadcastSettings {
  /** In the order given. */
  readonly adapters: readonly BroadcastAdapter[];
  /** False for the built-in default, which must not end the server when Redis is away. */
  readonly isAsked: boolean;
}

/** Publications by POST. */
export interface HttpBroadcastSettings {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Empty: open to everybody. */
  readonly secret: string;
  readonly isSecretDerived: boolean;
  readonly isCors: boolean;
  readonly corsHosts: readonly string[];
  /** Bound of a publication's body, here and on the REST API. */
  readonly maxBodyBytes: number;
}

/** Publications from a Redis stream. */
export interface RedisStreamBroadcastSettings {
  readonly stream: string;
  readonly group: string;
  readonly readBlockMs: number;
  readonly redis: RedisSettings;
}

/** A Redis channel and the connection it is read through. */
export interface RedisChannelSettings {
  readonly channel: string;
  readonly redis: RedisSettings;
}

/** A NATS subject and the connection it is read through. */
export interface NatsChannelSettings {
  readonly channel: string;
  readonly nats: NatsSettings;
}

/** How nodes hear each other. */
export interface PubsubSettings {
  readonly adapter: "none" | "redis" | "nats";
  readonly redis: RedisChannelSettings;
  readonly nats: NatsChannelSettings;
}

/** One Redis connection, as written by the user. */
export interface RedisSettings {
  /** One address or several, separated by commas (cluster). */
  readonly url: string;
  readonly sentinels: readonly string[];
  readonly sentinelDiscoveryIntervalS: number;
  readonly keepaliveIntervalS: number;
  readonly isTlsVerified: boolean;
  readonly tlsCaCertPath: string;
  readonly tlsClientCertPath: string;
  readonly tlsClientKeyPath: string;
  readonly maxReconnectAttempts: number;
  readonly isCacheDisabled: boolean;
}

/** One NATS connection. */
export interface NatsSettings {
  readonly servers: readonly string[];
  readonly isOrdered: boolean;
  readonly maxReconnectAttempts: number;
}

/** The NATS server that lives with ours. */
export interface EmbeddedNatsSettings {
  readonly isEnabled: boolean;
  readonly isDebug: boolean;
  readonly isTrace: boolean;
  /** Empty: made from the service address. */
  readonly name: string;
  readonly serviceAddr: string;
  readonly clusterAddr: string;
  readonly clusterName: string;
  readonly gatewayAddr: string;
  readonly gatewayAdvertise: string;
  /** `name:url,url` each. */
  readonly gateways: readonly string[];
  readonly routes: readonly string[];
  readonly isJetstream: boolean;
  readonly storeDir: string;
  readonly jetstreamReadyTimeoutS: number;
  /** 0: the default of the NATS server. */
  readonly maxPayloadBytes: number;
}

/** The REST API. */
export interface ApiSettings {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Empty: open to everybody. */
  readonly secret: string;
  readonly isSecretDerived: boolean;
  readonly isCors: boolean;
  readonly corsHosts: readonly string[];
  readonly maxBodyBytes: number;
}

/** Where figures go. */
export interface MetricsSettings {
  /** `null`: no Prometheus endpoint. */
  readonly httpPath: string | null;
  readonly host: string;
  readonly port: number;
  readonly isLogged: boolean;
  /** Module that writes the log line, empty: the built-in format. */
  readonly logFormatter: string;
  /** Never 0. */
  readonly intervalS: number;
  /** `null`: all figures. */
  readonly logFilter: readonly string[] | null;
  /** In the order given. */
  readonly tags: readonly (readonly [key: string, value: string])[];
  readonly hasMemoryMetrics: boolean;
  /** `null`: no StatsD. */
  readonly statsd: StatsdSettings | null;
}

/** Figures by UDP. */
export interface StatsdSettings {
  readonly host: string;
  readonly prefix: string;
  readonly tagsFormat: string;
  readonly maxPacketBytes: number;
}

/** Life of sessions and of the process. */
export interface AppSettings {
  readonly pingIntervalS: number;
  readonly pingPrecision: "s" | "ms" | "ns";
  /** 0: pongs are not required. */
  readonly pongTimeoutS: number;
  readonly isNativePings: boolean;
  readonly disconnectMode: "always" | "never" | "auto";
  readonly shutdownTimeoutS: number;
  readonly shutdownDelayS: number;
  readonly isSlowDrain: boolean;
  readonly shutdownPoolSize: number;
  /** 0: gauges of the node are never refreshed. */
  readonly statsRefreshIntervalS: number;
  readonly broadcastPoolSize: number;
}

/** The queue of Disconnect calls. */
export interface DisconnectorSettings {
  readonly isEnabled: boolean;
  /** Calls per second, at least 1. */
  readonly rate: number;
  readonly backlog: number;
}

/** Server-sent events. */
export interface SseSettings {
  readonly path: string;
}

/** Durable Streams. */
export interface DurableStreamsSettings {
  readonly path: string;
  readonly isAuthSkipped: boolean;
  readonly pollIntervalS: number;
  readonly sseTtlS: number;
}

/** The Pusher protocol and its HTTP API. */
export interface PusherSettings {
  readonly appId: string;
  readonly appKey: string;
  /** Empty: no signature is ever right. */
  readonly secret: string;
  /** 0: the main port. */
  readonly apiPort: number;
  readonly isCors: boolean;
  readonly corsHosts: readonly string[];
}

/** Long polling. */
export interface PollSettings {
  readonly path: string;
  readonly intervalS: number;
  readonly flushIntervalMs: number;
  readonly maxRequestBytes: number;
  readonly keepaliveTimeoutS: number;
}

/** GraphQL over WebSocket. */
export interface GraphqlSettings {
  readonly path: string;
  readonly channel: string;
  readonly action: string;
}

/** OCPP charge points. */
export interface OcppSettings {
  readonly path: string;
  readonly isGranular: boolean;
}
