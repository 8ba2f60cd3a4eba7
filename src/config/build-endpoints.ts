import type { Options } from "./option-table.ts";
import type { DoorKey } from "./secrets.ts";
import type {
  ApiSettings,
  HttpBroadcastSettings,
  PusherSettings,
  ServerSettings,
  Settings,
  WebSocketSettings,
} from "./settings.ts";

/** The main listener. TLS needs both files named; one alone is ignored. */
export function buildServer(options: Options): ServerSettings {
  const certPath = options["server.ssl.cert_path"];
  const keyPath = options["server.ssl.key_path"];
  return {
    host: options["server.host"],
    port: options["server.port"],
    allowedOrigins: hosts(options["server.allowed_origins"]),
    maxConnections: Math.max(0, options["server.max_conn"]),
    healthPath: options["server.health_path"],
    tls: certPath === "" || keyPath === "" ? null : { certPath, keyPath },
  };
}

/** The WebSocket endpoint. */
export function buildWebSocket(options: Options): WebSocketSettings {
  return {
    paths: options["ws.paths"],
    maxMessageBytes: options["ws.max_message_size"],
    writeTimeoutS: options["ws.write_timeout"],
    maxPendingBytes: options["ws.max_pending_size"],
    maxSubscriptions: options["ws.max_subscriptions"],
    isCompressed: options["ws.enable_compression"],
    readBufferBytes: options["ws.read_buffer_size"],
    writeBufferBytes: options["ws.write_buffer_size"],
    isNetpoll: options["ws.netpoll_enabled"],
  };
}

/** Publications by POST; origins are those of the WebSocket endpoint. */
export function buildHttpBroadcast(options: Options, key: DoorKey): HttpBroadcastSettings {
  return {
    host: options["server.host"],
    port: options["http_broadcast.port"],
    path: options["http_broadcast.path"],
    secret: key.secret,
    isSecretDerived: key.isDerived,
    isCors: options["http_broadcast.cors_headers"],
    corsHosts: hosts(options["server.allowed_origins"]),
    maxBodyBytes: options["http_broadcast.max_body_size"],
  };
}

/** True when something asks for the REST API: a secret, own or the application's, a port of its own, or public mode. */
export function isApiAsked(options: Options): boolean {
  const isSecret = options["api.secret"] !== "" || options.secret !== "";
  return isSecret || options.public || options["api.port"] !== 0;
}

/** The REST API, when it is asked for. */
export function buildApi(options: Options, key: DoorKey): ApiSettings | null {
  const port = options["api.port"];
  if (!isApiAsked(options)) return null;
  return {
    host: options["api.host"] || options["server.host"],
    port: port || options["server.port"],
    path: options["api.path"],
    secret: key.secret,
    isSecretDerived: key.isDerived,
    isCors: options["api.cors_headers"],
    corsHosts: hosts(options["api.cors_hosts"]),
    maxBodyBytes: options["http_broadcast.max_body_size"],
  };
}

/** Endpoints that are off unless switched on. */
export function buildOptionalEndpoints(
  options: Options,
): Pick<Settings, "sse" | "durableStreams" | "pusher" | "poll" | "graphql" | "ocpp"> {
  return {
    sse: options["sse.enabled"] ? { path: options["sse.path"] } : null,
    durableStreams: options["ds.enabled"]
      ? {
          path: options["ds.path"],
          isAuthSkipped: options["ds.skip_auth"],
          pollIntervalS: options["ds.poll_interval"],
          sseTtlS: options["ds.sse_ttl"],
        }
      : null,
    pusher: buildPusher(options),
    poll: options["poll.enabled"]
      ? {
          path: options["poll.path"],
          intervalS: options["poll.interval"],
          flushIntervalMs: options["poll.flush_interval"],
          maxRequestBytes: options["poll.max_request_size"],
          keepaliveTimeoutS: options["poll.keepalive_timeout"],
        }
      : null,
    graphql:
      options["graphql.path"] === ""
        ? null
        : {
            path: options["graphql.path"],
            channel: options["graphql.channel"],
            action: options["graphql.action"],
          },
    ocpp:
      options["ocpp.path"] === ""
        ? null
        : { path: options["ocpp.path"], isGranular: options["ocpp.granular_actions"] },
  };
}

function buildPusher(options: Options): PusherSettings | null {
  const appId = options["pusher.app_id"];
  const appKey = options["pusher.app_key"];
  if (appId === "" || appKey === "") return null;
  return {
    appId,
    appKey,
    secret: options["pusher.secret"],
    apiPort: options["pusher.api_port"],
    isCors: options["http_broadcast.cors_headers"],
    corsHosts: hosts(options["server.allowed_origins"]),
  };
}

/** An empty text lists nobody, which opens the door to all; an empty entry of a list is kept: it matches nobody. */
function hosts(text: string): string[] {
  return text === "" ? [] : text.split(",");
}
