import { parseStreamRules } from "../messages/stream-rules.ts";
import type { Environment } from "./environment.ts";
import { oneOf } from "./one-of.ts";
import { DEFAULTS } from "./option-set.ts";
import type { Options } from "./option-table.ts";
import type {
  AppSettings,
  BrokerSettings,
  LoggingSettings,
  MetricsSettings,
  StreamsSettings,
} from "./settings.ts";

/** What is logged. */
export function buildLogging(options: Options): LoggingSettings {
  return {
    level: oneOf(options["logging.level"], ["debug", "info", "warn", "error"], "info"),
    format: oneOf(options["logging.format"], ["text", "json"], "text"),
    isDebugBanner: options["logging.debug"],
  };
}

/** History, sessions and presence. */
export function buildBroker(options: Options): BrokerSettings {
  return {
    adapter: oneOf(options["broker.adapter"], ["memory", "nats", "redis"], "none"),
    historyTtlS: options["broker.history_ttl"],
    historyLimit: options["broker.history_limit"],
    sessionsTtlS: options["broker.sessions_ttl"],
    presenceTtlS: options["broker.presence_ttl"],
    natsReplicas: options["broker.nats_replicas"],
    streamRules: parseStreamRules(options["broker.stream_rules"]),
  };
}

/** Streams without the application; Turbo and CableReady fall back to the key of the streams. */
export function buildStreams(options: Options): StreamsSettings {
  const secret = options["streams.secret"];
  return {
    secret,
    isPublic: options["streams.public"],
    canWhisper: options["streams.whisper"],
    hasPresence: options["streams.presence"],
    pubsubChannel: options["streams.pubsub_channel"],
    turboSecret: options["streams.turbo"] ? options["streams.turbo_secret"] || secret : null,
    cableReadySecret: options["streams.cable_ready"]
      ? options["streams.cable_ready_secret"] || secret
      : null,
  };
}

/** Figures. */
export function buildMetrics(options: Options, env: Environment): MetricsSettings {
  const filter = options["metrics.log_filter"];
  const statsd = options["metrics.statsd.host"];
  const interval = options["metrics.rotate_interval"];
  return {
    httpPath: options["metrics.http_path"] || null,
    host: options["metrics.host"] || options["server.host"],
    port: options["metrics.port"],
    isLogged: options["metrics.log"],
    logFormatter: options.metrics_log_formatter,
    intervalS: interval > 0 ? interval : DEFAULTS["metrics.rotate_interval"],
    logFilter: filter.length === 0 ? null : filter,
    tags: options["metrics.tags"],
    hasMemoryMetrics: env["ANYCABLE_MEMORY_METRICS"] === "1",
    statsd:
      statsd === ""
        ? null
        : {
            host: statsd,
            prefix: options["metrics.statsd.prefix"],
            tagsFormat: options["metrics.statsd.tags_format"],
            maxPacketBytes: options["metrics.statsd.max_packet_size"],
          },
  };
}

/** Life of sessions and of the process. An unknown disconnect mode acts like `never`, a precision like `s`. */
export function buildApp(options: Options): AppSettings {
  return {
    pingIntervalS: options["app.ping_interval"],
    pingPrecision: oneOf(options["app.ping_timestamp_precision"], ["ms", "ns"], "s"),
    pongTimeoutS: Math.max(0, options["app.pong_timeout"]),
    isNativePings: options["app.enable_native_ping"],
    disconnectMode: oneOf(options["app.disconnect_mode"], ["always", "auto"], "never"),
    shutdownTimeoutS: Math.max(0, options["app.shutdown_timeout"]),
    shutdownDelayS: Math.max(0, options["app.shutdown_delay"]),
    isSlowDrain: options["app.shutdown_slowdrain"],
    shutdownPoolSize: options["app.shutdown_disconnect_gopool_size"],
    statsRefreshIntervalS: Math.max(0, options["app.stats_refresh_interval"]),
    broadcastPoolSize: options["app.broadcast_gopool_size"],
  };
}
