import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { Duplex } from "node:stream";
import { errorText } from "../../../messages/server-error.ts";
import type { Clock, Timer } from "../../../ports/clock.ts";
import { type Exchange, unavailable } from "./exchange.ts";
import { Keepalive } from "./keepalive.ts";
import type { RequestHeaders } from "./request-headers.ts";

export interface ConnectionOptions {
  /** From the first byte to the peer's first SETTINGS. */
  readonly connectTimeoutMs: number;
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly isTls: boolean;
}

/** What a connection tells its owner. Each may be called while the owner is inside a method of the connection. */
export interface ConnectionOwner {
  /** Calls may be sent. */
  opened(connection: Connection): void;
  /** No new calls, those that run go on. Not told when the connection is closed at once. */
  draining(connection: Connection, reason: string): void;
  /** Nothing goes any more; told once, also when the connection never opened. */
  closed(connection: Connection, reason: string): void;
  /** A call that no peer has seen, to be sent on another connection. */
  returned(exchange: Exchange): void;
}

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly headers: RequestHeaders;
  /** Opens the socket, with its TLS handshake if there is one; may throw. */
  readonly dial: () => Duplex;
  readonly owner: ConnectionOwner;
  /** The peer has complained about keepalive pings. */
  readonly tooManyPings: () => void;
}

interface GoAway {
  readonly code: number;
  readonly lastStreamId: number;
}

type State = "connecting" | "ready" | "draining" | "closed";

/**
 * One HTTP/2 connection. Calls wait here for a free stream, in order, within the peer's limit; none is
 * sent before the peer's first SETTINGS. Source: RUNTIME.md, section 1, which says why not the built-in ways.
 */
export class Connection {
  private readonly options: ConnectionOptions;
  private readonly deps: ConnectionDeps;
  private readonly inFlight = new Map<Exchange, ClientHttp2Stream>();
  private waiting: Exchange[] = [];
  private state: State = "connecting";
  private session: ClientHttp2Session | null = null;
  private socket: Duplex | null = null;
  private keepalive: Keepalive | null = null;
  private connectTimer: Timer | null = null;
  private maxStreams = 0;
  private goAway: GoAway | null = null;
  private lastError = "connection closed";

  constructor(options: ConnectionOptions, deps: ConnectionDeps) {
    this.options = options;
    this.deps = deps;
  }

  /** Begins to connect; the owner hears how it goes. */
  open(): void {
    const { clock } = this.deps;
    this.connectTimer = clock.after(this.options.connectTimeoutMs, () => {
      this.lose("the connection was not ready in time");
    });
    try {
      this.session = this.connect();
    } catch (error) {
      this.lose(errorText(error));
    }
  }

  /** True from the peer's SETTINGS until the socket has gone. */
  get isOpen(): boolean {
    return this.state === "ready" || this.state === "draining";
  }

  /** True when it once was ready. */
  get hasOpened(): boolean {
    return this.keepalive !== null;
  }

  /** Sends the call now or when a stream is free. */
  send(exchange: Exchange): void {
    if (this.state === "ready" && this.inFlight.size < this.maxStreams) this.begin(exchange);
    else if (this.state === "ready") this.waiting.push(exchange);
    else this.deps.owner.returned(exchange);
  }

  /** Takes no new calls, lets the others finish, then closes. */
  drain(reason: string): void {
    if (this.state === "closed") return;
    const wasReady = this.state === "ready";
    this.state = "draining";
    this.lastError = reason;
    if (this.inFlight.size === 0) this.lose(reason);
    else if (wasReady) this.deps.owner.draining(this, reason);
    this.returnWaiting();
  }

  /** Closes at once; calls that run fail as unavailable. */
  destroy(reason: string): void {
    this.lose(reason);
  }

  private connect(): ClientHttp2Session {
    const session = connect(this.options.isTls ? "https://rpc" : "http://rpc", {
      createConnection: () => {
        this.socket = this.deps.dial();
        return this.socket;
      },
      // more than 128 response headers, or 64 KB of them, end the connection otherwise; one header alone over
      // 64 KB does whatever is set
      maxHeaderListPairs: 4096,
      settings: { maxHeaderListSize: MAX_HEADER_LIST_BYTES },
    } as Parameters<typeof connect>[1]); // `maxHeaderListPairs` is missing in the declared type
    session.on("remoteSettings", (settings) =>
      this.settingsReceived(settings.maxConcurrentStreams),
    );
    session.on("goaway", (code, lastStreamId, data) => {
      this.goAwayReceived({ code, lastStreamId }, data);
    });
    session.on("error", (error: NodeJS.ErrnoException) => {
      // follows a `request` that threw; the session itself is dealt with there
      if (error.code === "ERR_HTTP2_INVALID_HEADER_VALUE") return;
      // what the peer said in its GOAWAY tells more
      if (this.goAway === null) this.lastError = sessionErrorText(error.message);
    });
    session.on("close", () => this.lose(this.lastError));
    return session;
  }

  private settingsReceived(maxStreams: number | undefined): void {
    if (this.state === "closed") return;
    this.maxStreams = maxStreams ?? Number.POSITIVE_INFINITY;
    if (this.state === "connecting") this.becomeReady();
    this.sendWaiting();
  }

  private becomeReady(): void {
    this.state = "ready";
    this.connectTimer?.cancel();
    const { keepaliveIntervalMs: intervalMs, keepaliveTimeoutMs: timeoutMs } = this.options;
    this.keepalive = new Keepalive(
      { intervalMs, timeoutMs },
      {
        clock: this.deps.clock,
        ping: (acknowledged) => this.ping(acknowledged),
        expired: () => this.lose("keepalive ping not acknowledged in time"),
      },
    );
    this.deps.owner.opened(this);
  }

  private ping(acknowledged: () => void): void {
    this.session?.ping((error) => {
      if (error === null) acknowledged();
    });
  }

  private goAwayReceived(goAway: GoAway, data: Uint8Array | undefined): void {
    this.goAway = goAway;
    const text = data === undefined ? "" : Buffer.from(data).toString();
    if (goAway.code === NGHTTP2_ENHANCE_YOUR_CALM && text === "too_many_pings") {
      this.deps.tooManyPings();
    }
    this.drain(
      `GOAWAY received, code: ${goAway.code}${text === "" ? "" : `, debug data: ${text}`}`,
    );
  }

  private begin(exchange: Exchange): void {
    if (exchange.isSettled || this.session === null) return;
    let stream: ClientHttp2Stream;
    try {
      stream = this.session.request(this.deps.headers.of(exchange.request));
    } catch (error) {
      // the header compression of this session is in an unknown state: no new call on it
      this.drain(errorText(error));
      this.giveBack(exchange, errorText(error));
      return;
    }
    this.inFlight.set(exchange, stream);
    exchange.begin(stream);
    stream.on("response", (headers) => exchange.receiveHeaders(headers));
    stream.on("data", (chunk: Uint8Array) => {
      this.keepalive?.touch();
      exchange.receiveData(chunk);
    });
    stream.on("trailers", (headers) => exchange.receiveTrailers(headers));
    stream.on("error", ignore);
    stream.on("close", () => this.streamClosed(exchange, stream));
    stream.end(exchange.request.frame);
  }

  private streamClosed(exchange: Exchange, stream: ClientHttp2Stream): void {
    if (!this.inFlight.delete(exchange)) return;
    // a call that we gave up closes by our own doing: no sign of life
    if (!exchange.isSettled) this.keepalive?.touch();
    this.settle(exchange, stream);
    const isDrained = this.state === "draining" && this.inFlight.size === 0;
    // streams close before the session says that it has: nothing new may go there
    if (isDrained || this.isGone()) this.lose(this.lastError);
    else this.sendWaiting();
  }

  private settle(exchange: Exchange, stream: ClientHttp2Stream): void {
    if (exchange.isSettled) return;
    if (exchange.isAnswered) exchange.end(0);
    else if (this.wasRefused(stream)) this.giveBack(exchange, "refused by the peer");
    else if (this.isGone()) exchange.fail(unavailable(this.lastError));
    else exchange.end(stream.rstCode);
  }

  /** The peer says that it has not touched the call. */
  private wasRefused(stream: ClientHttp2Stream): boolean {
    if (stream.rstCode === NGHTTP2_REFUSED_STREAM && this.goAway === null) return true;
    if (this.goAway === null) return false;
    return stream.id === undefined || stream.id > this.goAway.lastStreamId;
  }

  private isGone(): boolean {
    if (this.state === "closed" || (this.goAway !== null && this.goAway.code !== 0)) return true;
    return this.session?.destroyed === true || this.socket?.destroyed === true;
  }

  private giveBack(exchange: Exchange, reason: string): void {
    if (exchange.mayResend()) this.deps.owner.returned(exchange);
    else exchange.fail(unavailable(reason));
  }

  private sendWaiting(): void {
    if (this.waiting.length === 0) return;
    while (this.state === "ready" && this.inFlight.size < this.maxStreams) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      this.begin(next);
    }
  }

  private returnWaiting(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const exchange of waiting) if (!exchange.isSettled) this.deps.owner.returned(exchange);
  }

  private lose(reason: string): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.lastError = reason;
    this.connectTimer?.cancel();
    this.keepalive?.stop();
    // before anything can be handed back: the owner must not send it here again
    this.deps.owner.closed(this, reason);
    this.session?.destroy();
    this.socket?.destroy();
    for (const [exchange, stream] of this.inFlight) this.settle(exchange, stream);
    this.inFlight.clear();
    this.returnWaiting();
  }
}

const MAX_HEADER_LIST_BYTES = 16_777_216;
const NGHTTP2_REFUSED_STREAM = 7;
const NGHTTP2_ENHANCE_YOUR_CALM = 11;

/** The runtime's words for a TLS peer without ALPN, in those of gRPC, which operators search for. */
function sessionErrorText(message: string): string {
  if (message !== "h2 is not supported") return message;
  return "credentials: cannot check peer: missing selected ALPN property";
}

function ignore(): void {
  // `close` follows and tells more
}
