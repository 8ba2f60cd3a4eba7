import http from "node:http";
import type { Server } from "bun";
import { Hono } from "hono";
import { errorText, ServerError } from "../../messages/server-error.ts";
import type { Log } from "../../ports/log.ts";
import type { Service } from "../../ports/service.ts";
import { pathOf, targetOf } from "../request-target.ts";
import type { Socket, SocketHandler } from "../socket-handler.ts";
import type { UpgradeEndpoint, UpgradeServer } from "../upgrade-endpoint.ts";
import type { DescriptorGuard } from "./descriptor-guard.ts";

/** Answers plain requests to one path. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** Where and how a listener listens. */
export interface ListenerOptions {
  /** What it is called in messages, e.g. `WebSocket server`. */
  readonly name: string;
  /** Empty: all interfaces; `localhost`: 127.0.0.1. */
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly isCompressed: boolean;
  /** Bound of a WebSocket message on the wire of the runtime; beyond it, it closes by itself. */
  readonly maxPayloadBytes: number;
  /** Bound of a request body; beyond it, the runtime answers 413 by itself. */
  readonly maxBodyBytes: number;
}

/** A socket accepts 512 clients that nobody has picked up; a crowd that comes back needs more at once. */
const SOCKETS_PER_PORT = 8;
const IDLE_TIMEOUT_S = 120;
/** The runtime's own limit, 16 KB, is less than what some applications' cookies and tokens take. */
const MAX_HEADER_BYTES = 64 * 1024;
const IDLE_CHECK_MS = 5;
/** Outboxes stop long before; one frame may be large. */
const MAX_BUFFERED_BYTES = 2 ** 30;

/**
 * One port with everything that is served on it: plain routes through Hono, upgrades past it. Routes are complete
 * before the port opens. Several sockets share the port, so that a crowd that returns at once finds room.
 */
export class Listener implements Service {
  readonly name: string;
  readonly address: string;
  private readonly app: Hono;
  private readonly plainPaths = new Set<string>();
  private readonly plainPrefixes: string[] = [];
  private readonly endpoints: UpgradeEndpoint[] = [];
  private readonly guests = new Set<string>();
  private servers: Server<SocketHandler>[] = [];
  private isStopping = false;
  private readonly options: ListenerOptions;
  private readonly deps: { readonly log: Log; readonly descriptors: DescriptorGuard };

  constructor(options: ListenerOptions, deps: Listener["deps"]) {
    this.name = options.name;
    this.options = options;
    this.deps = deps;
    this.address = `${options.tls === null ? "http" : "https"}://${options.host}:${options.port}`;
    this.app = new Hono({ getPath: (request) => pathOf(targetOf(request.url)) });
    this.app.notFound(() => notFound());
    this.app.onError((error) => this.failed(error));
  }

  /** Another component is served here too; its name is not that of the listener. */
  share(name: string): void {
    if (name !== this.name) this.guests.add(name);
  }

  /** @throws {ServerError} `path_taken` when two components want the same path */
  route(path: string, handler: Handler): void {
    if (this.isPlain(path)) throw this.pathTaken(path);
    if (this.endpoints.some((endpoint) => endpoint.owns(path))) throw this.pathTaken(path);
    this.app.all(literal(path), (context) => handler(context.req.raw));
    this.plainPaths.add(path);
  }

  /** Routes everything below `prefix`, which ends with a slash. @throws {ServerError} like `route` */
  routeBelow(prefix: string, handler: Handler): void {
    for (const path of this.plainPaths) if (path.startsWith(prefix)) throw this.pathTaken(path);
    this.plainPrefixes.push(prefix);
    this.app.all(`${literal(prefix)}*`, (context) => handler(context.req.raw));
  }

  upgrade(endpoint: UpgradeEndpoint): void {
    for (const path of this.plainPaths) if (endpoint.owns(path)) throw this.pathTaken(path);
    this.endpoints.push(endpoint);
  }

  /** @throws {ServerError} `listen_failed` with the text of spec "config", 10.2 */
  async start(): Promise<void> {
    const { log } = this.deps;
    const attributes = { name: this.name, addr: this.address };
    log.debug("starting HTTP server", attributes);
    // The first one alone: with a shared port a second process would bind without an error.
    const probe = this.listen(this.options.port, false);
    const port = probe.port ?? this.options.port;
    await probe.stop(true);
    for (let i = 0; i < SOCKETS_PER_PORT; i++) this.servers.push(this.listen(port, true));
    for (const _ of this.guests) log.debug("HTTP server has been already started");
  }

  /** Stops accepting; requests that run go on until they are done or the signal is aborted. */
  async stop(signal: AbortSignal): Promise<void> {
    this.isStopping = true;
    for (const endpoint of this.endpoints) endpoint.stop();
    const servers = this.servers;
    this.servers = [];
    // Resolves when the last WebSocket is gone: not what is awaited here.
    for (const server of servers) void server.stop(false);
    while (!signal.aborted && servers.some((server) => server.pendingRequests > 0)) {
      await Bun.sleep(IDLE_CHECK_MS);
    }
  }

  private listen(port: number, isShared: boolean): Server<SocketHandler> {
    // The only way to tell the runtime; it holds for the whole process.
    Reflect.set(http, "maxHeaderSize", MAX_HEADER_BYTES);
    const { host, tls, maxBodyBytes, maxPayloadBytes, isCompressed } = this.options;
    if (port < 0 || port > 65535)
      throw this.listenError(`listen tcp: address ${port}: invalid port`);
    try {
      return Bun.serve<SocketHandler>({
        hostname: host,
        port,
        reusePort: isShared,
        idleTimeout: IDLE_TIMEOUT_S,
        maxRequestBodySize: maxBodyBytes,
        ...(tls === null ? {} : { tls: { cert: tls.cert, key: tls.key } }),
        fetch: (request, server) => this.answer(request, server),
        error: (error) => this.failed(error),
        websocket: {
          maxPayloadLength: maxPayloadBytes,
          idleTimeout: 0,
          sendPings: false,
          backpressureLimit: MAX_BUFFERED_BYTES,
          closeOnBackpressureLimit: false,
          ...(isCompressed
            ? { perMessageDeflate: { compress: "shared", decompress: "shared" } }
            : {}),
          open: (socket) => this.guardOpen(socket),
          message: (socket, data) => this.guard(() => socket.data.received(data)),
          drain: (socket) => this.guard(() => socket.data.drained()),
          pong: (socket) => this.guard(() => socket.data.ponged()),
          close: (socket, code, reason) =>
            this.guard(() => socket.data.ended(sentCode(code, reason))),
        },
      });
    } catch (error) {
      throw this.listenError(bindErrorText(error, host, port), error);
    }
  }

  private answer(
    request: Request,
    server: UpgradeServer,
  ): Response | undefined | Promise<Response | undefined> {
    if (this.isStopping || !this.deps.descriptors.hasRoom()) {
      return new Response(null, { status: 503, headers: { Connection: "close" } });
    }
    const target = targetOf(request.url);
    const path = pathOf(target);
    if (!this.isPlain(path)) {
      for (const endpoint of this.endpoints) {
        if (endpoint.matches(path)) return endpoint.handle(request, target, server);
      }
    }
    return this.app.fetch(request);
  }

  private isPlain(path: string): boolean {
    return (
      this.plainPaths.has(path) || this.plainPrefixes.some((prefix) => path.startsWith(prefix))
    );
  }

  /** A throw in a handler of the runtime would end the process. */
  private guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.deps.log.error("WebSocket handler failed", { error });
    }
  }

  /** A socket that nobody has taken would stay open for ever. */
  private guardOpen(socket: Socket): void {
    try {
      socket.data.opened(socket);
    } catch (error) {
      this.deps.log.error("WebSocket handler failed", { error });
      socket.terminate();
    }
  }

  private failed(error: unknown): Response {
    this.deps.log.error("request failed", { error });
    return new Response(null, { status: 500 });
  }

  private pathTaken(path: string): ServerError {
    return new ServerError("path_taken", `two endpoints on ${this.address} have the path ${path}`);
  }

  private listenError(text: string, cause?: unknown): ServerError {
    const kind = this.name === "API server" ? "API HTTP server" : this.name;
    return new ServerError("listen_failed", `${kind} at ${this.address} stopped: ${text}`, {
      cause,
    });
  }
}

/** When the runtime itself closes, it says 1006 here, whatever it sent the client; only its reason tells. */
function sentCode(code: number, reason: string): number {
  return code === 1006 && reason.startsWith("Received too big") ? 1009 : code;
}

function notFound(): Response {
  return new Response("404 page not found\n", {
    status: 404,
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "X-Content-Type-Options": "nosniff",
    },
  });
}

/** Hono reads these as patterns; paths of the configuration are literal text. */
function literal(path: string): string {
  if (path.startsWith("/") && !/[:*{}?]/.test(path)) return path;
  throw new ServerError(
    "invalid_path",
    `path must start with "/" and hold none of : * { } ?: "${path}"`,
  );
}

function bindErrorText(cause: unknown, host: string, port: number): string {
  const ip = host === "" ? "" : host === "localhost" ? "127.0.0.1" : host;
  const code = (cause as { code?: unknown }).code;
  const at = `listen tcp ${ip}:${port}`;
  switch (code) {
    case "EADDRINUSE":
      return `${at}: bind: address already in use`;
    case "EACCES":
      return `${at}: bind: permission denied`;
    case "EADDRNOTAVAIL":
      return `${at}: bind: cannot assign requested address`;
    case "ENOTCONN":
      return `listen tcp: lookup ${host}: no such host`;
    default:
      return `${at}: ${errorText(cause)}`;
  }
}
