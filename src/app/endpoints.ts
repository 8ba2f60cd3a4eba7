import { createPresenceEndpoint } from "../api/presence.ts";
import { createPublishEndpoint } from "../api/publish.ts";
import type { BroadcastHandler } from "../broadcast/handler.ts";
import { createHttpBroadcast } from "../broadcast/http.ts";
import type { Settings } from "../config/settings.ts";
import { VERSION } from "../config/version.ts";
import type { Node } from "../core/node/node.ts";
import type { Registry } from "../metrics/registry.ts";
import type { Log } from "../ports/log.ts";
import { DEFAULT_SUBPROTOCOL, SUBPROTOCOLS } from "../protocols/actioncable/subprotocols.ts";
import { createHealthEndpoint } from "../transports/http/health.ts";
import type { Listener } from "../transports/http/listener.ts";
import { RequestInfo } from "../transports/request-info.ts";
import { ConnectionSlots } from "../transports/websocket/connection-slots.ts";
import { WebSocketEndpoint } from "../transports/websocket/endpoint.ts";
import type { Listeners } from "./listeners.ts";
import type { Memory } from "./memory.ts";
import { prometheusHandler } from "./metrics.ts";
import { SID_LENGTH } from "./random-id.ts";

/** What endpoints hand requests to. */
export interface EndpointDeps {
  readonly listeners: Listeners;
  readonly node: Node;
  readonly memory: Memory;
  readonly registry: Registry;
  readonly randomId: (length: number) => string;
  readonly log: Log;
  /** What is wrong with a part that lives in this server; null when all is well. */
  readonly trouble: () => string | null;
}

/** Mounts every other endpoint that is switched on. Opens no port: all routes come before the first request. */
export function mountEndpoints(
  settings: Settings,
  deps: EndpointDeps,
  broadcasts: BroadcastHandler,
): void {
  const main = deps.listeners.at(settings.server.host, settings.server.port, "WebSocket server");
  mountWebSocket(settings, deps, main);
  mountHealth(settings, deps, main);
  mountApi(settings, deps, broadcasts);
  mountMetrics(settings, deps);
}

/** Mounts the way in for publications by POST, if it is one of the adapters. */
export function mountHttpBroadcast(
  settings: Settings,
  deps: EndpointDeps,
  sink: BroadcastHandler,
): void {
  if (!settings.broadcast.adapters.includes("http")) return;
  const { host, port, path, secret, isSecretDerived, isCors, corsHosts, maxBodyBytes } =
    settings.httpBroadcast;
  const listener = deps.listeners.at(host, port, "broadcasting HTTP server");
  const options = { secret, corsHosts: isCors ? corsHosts : null, maxBodyBytes };
  listener.route(path, createHttpBroadcast(options, { sink, log: deps.log }));
  const log = deps.log.with({ context: "broadcast", provider: "http" });
  if (isSecretDerived) log.info(DERIVED_SECRET);
  log.info(
    `Accept broadcast requests at ${listener.address}${path} (${authorization(secret, isCors)})`,
  );
}

function mountWebSocket(settings: Settings, deps: EndpointDeps, listener: Listener): void {
  const { server, ws, app, rpc, jwt } = settings;
  const endpoint = new WebSocketEndpoint(
    {
      paths: ws.paths,
      allowedOrigins: server.allowedOrigins,
      maxMessageBytes: ws.maxMessageBytes,
      isCompressed: ws.isCompressed,
      pingIntervalMs: app.pingIntervalS * 1000,
      pingPrecision: app.pingPrecision,
      version: VERSION,
      subprotocols: SUBPROTOCOLS,
      defaultSubprotocol: DEFAULT_SUBPROTOCOL,
    },
    {
      gateway: deps.node,
      info: new RequestInfo({
        headers: rpc.headers,
        cookies: rpc.cookies,
        jwtParam: jwt?.param ?? null,
        isTls: server.tls !== null,
      }),
      slots: new ConnectionSlots(server.maxConnections),
      sid: () => deps.randomId(SID_LENGTH),
      log: deps.log.with({ context: "ws" }),
    },
  );
  listener.upgrade(endpoint);
  for (const path of ws.paths) {
    deps.log.info(`Handle WebSocket connections at ${listener.address}${path}`);
  }
}

function mountHealth({ server }: Settings, deps: EndpointDeps, listener: Listener): void {
  listener.route(server.healthPath, createHealthEndpoint({ trouble: deps.trouble }));
  deps.log.info(`Handle health requests at ${listener.address}${server.healthPath}`);
}

function mountApi({ api }: Settings, deps: EndpointDeps, sink: BroadcastHandler): void {
  if (api === null) return;
  const { host, port, path, secret, isCors, corsHosts, maxBodyBytes } = api;
  const listener = deps.listeners.at(host, port, "API server");
  const options = { secret, corsHosts: isCors ? corsHosts : null, maxBodyBytes };
  listener.route(`${path}/publish`, createPublishEndpoint(options, { sink, log: deps.log }));
  const presence = createPresenceEndpoint(
    { path, secret },
    { presence: deps.memory.presence, log: deps.log },
  );
  listener.routeBelow(`${path}/presence/`, presence);
  const log = deps.log.with({ context: "api" });
  if (secret === "") log.info("API server is running without authentication");
  log.info(`Handle API requests at ${listener.address}${path} (${authorization(secret, isCors)})`);
}

function mountMetrics(settings: Settings, deps: EndpointDeps): void {
  const { httpPath, host, port } = settings.metrics;
  if (httpPath === null) return;
  // A host of its own is asked for; a port that is taken by someone else is survived, as the reference does.
  const isOwnHost = host !== settings.server.host;
  const listener = isOwnHost
    ? deps.listeners.at(host, port, "Metrics server")
    : deps.listeners.atBest(host, port, "Metrics server");
  listener.route(httpPath, prometheusHandler(deps.registry, settings));
  const log = deps.log.with({ context: "metrics" });
  log.info(`Serve metrics at ${listener.address}${httpPath}`);
}

const DERIVED_SECRET = "auto-generated authorization secret from the application secret";

function authorization(secret: string, isCors: boolean): string {
  const required = secret === "" ? "no authorization" : "authorization required";
  return isCors ? `${required}, CORS enabled` : required;
}
