import type {
  CommandMessage,
  CommandResponse,
  ConnectionRequest,
  ConnectionResponse,
  DisconnectRequest,
  DisconnectResponse,
} from "../../../../protos/gen/rpc_pb.js";
import { errorText, ServerError } from "../../../messages/server-error.ts";
import type { Clock, Timer } from "../../../ports/clock.ts";
import type { Attempt, Backend } from "../backend.ts";
import { cutText, statusFailure } from "../failure.ts";
import { parseBaseUrl } from "./base-url.ts";
import type { Breaker, Report } from "./breaker.ts";
import { commandBody, connectBody, disconnectBody } from "./request-body.ts";
import {
  parseCommandResponse,
  parseConnectionResponse,
  parseDisconnectResponse,
} from "./response-body.ts";

export interface HttpBackendOptions {
  /** Base URL. @see parseBaseUrl */
  readonly host: string;
  /** Bearer token; empty for none. */
  readonly secret: string;
  readonly protoVersions: string;
  /** How https servers are verified. */
  readonly tls: { readonly isVerified: boolean; readonly ca: string | null };
}

export interface HttpBackendDeps {
  readonly clock: Clock;
  readonly breaker: Breaker;
}

interface Urls {
  readonly connect: string;
  readonly command: string;
  readonly disconnect: string;
}

/** The application behind HTTP: one POST per attempt, connections are kept. */
export class HttpBackend implements Backend {
  private readonly deps: HttpBackendDeps;
  private readonly urls: Urls;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly init: Readonly<Record<string, unknown>>;
  private readonly running = new Set<Ending>();
  private isClosed = false;

  /** @throws {ServerError} `rpc_bad_host` */
  constructor(options: HttpBackendOptions, deps: HttpBackendDeps) {
    this.deps = deps;
    const { urlOf, basicAuth } = parseBaseUrl(options.host);
    this.urls = {
      connect: urlOf("connect"),
      command: urlOf("command"),
      disconnect: urlOf("disconnect"),
    };
    const authorization = options.secret === "" ? basicAuth : `Bearer ${options.secret}`;
    this.headers = {
      "content-type": "application/json",
      "user-agent": USER_AGENT,
      "x-anycable-meta-protov": options.protoVersions,
      ...(authorization === null ? {} : { authorization }),
    };
    const { isVerified: rejectUnauthorized, ca } = options.tls;
    const tls = ca === null ? { rejectUnauthorized } : { rejectUnauthorized, ca };
    // no proxy variables: they would capture even loopback targets. Undocumented, hence a test
    // Given with plain HTTP, TLS options would cost 7 % of a call.
    const isTls = this.urls.connect.startsWith("https:");
    this.init = { method: "POST", proxy: false, ...(isTls ? { tls } : {}) };
  }

  async connect(request: ConnectionRequest, attempt: Attempt): Promise<ConnectionResponse> {
    return parseConnectionResponse(
      await this.post(this.urls.connect, connectBody(request), attempt),
    );
  }

  async command(request: CommandMessage, attempt: Attempt): Promise<CommandResponse> {
    return parseCommandResponse(await this.post(this.urls.command, commandBody(request), attempt));
  }

  async disconnect(request: DisconnectRequest, attempt: Attempt): Promise<DisconnectResponse> {
    return parseDisconnectResponse(
      await this.post(this.urls.disconnect, disconnectBody(request), attempt),
    );
  }

  failureOf(error: unknown): ServerError {
    return error instanceof ServerError
      ? error
      : statusFailure("Internal", errorText(error), error);
  }

  refusal(): ServerError | null {
    if (!this.isClosed) return null;
    return new ServerError("rpc_closed", "http rpc is closed");
  }

  connections(): null {
    return null;
  }

  close(): void {
    this.isClosed = true;
    for (const ending of this.running) ending.abort();
  }

  /** @returns the body of an answer with status 200 */
  private async post(url: string, body: string, attempt: Attempt): Promise<string> {
    const report = this.deps.breaker.admit();
    const end = new Ending(this.deps.clock, attempt);
    this.running.add(end);
    try {
      const response = await fetch(url, {
        ...this.init,
        headers: { ...this.headers, "x-anycable-meta-sid": attempt.sid },
        body,
        signal: end.signal,
      } as unknown as BunFetchRequestInit); // `proxy: false` is missing in the declared type
      const answer = await response.text();
      report("success");
      return bodyOf(response.status, answer);
    } catch (error) {
      if (error instanceof ServerError) throw error;
      throw networkFailure(error, end, report);
    } finally {
      this.running.delete(end);
      end.release();
    }
  }
}

const USER_AGENT = "cableway";
/** Longer timers fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** Ends one attempt early: its time is over, its caller does not wait any more, or the backend closes. */
class Ending {
  readonly signal: AbortSignal;
  isExpired = false;
  private readonly controller = new AbortController();
  private readonly caller: AbortSignal | null;
  private readonly timer: Timer | null;

  constructor(clock: Clock, attempt: Attempt) {
    this.signal = this.controller.signal;
    this.caller = attempt.signal;
    if (this.caller?.aborted === true) this.abort();
    this.caller?.addEventListener("abort", this);
    this.timer = attempt.timeoutMs > 0 ? this.expireIn(clock, attempt.timeoutMs) : null;
  }

  /** The caller's signal has been aborted. */
  handleEvent(): void {
    this.abort();
  }

  abort(): void {
    this.controller.abort();
  }

  release(): void {
    this.timer?.cancel();
    this.caller?.removeEventListener("abort", this);
  }

  private expireIn(clock: Clock, timeoutMs: number): Timer {
    return clock.after(Math.min(timeoutMs, MAX_TIMER_MS), () => {
      this.isExpired = true;
      this.abort();
    });
  }
}

/** Source: spec "rpc", section 9, "Response mapping" */
function bodyOf(status: number, body: string): string {
  switch (status) {
    case 200:
      return body;
    case 401:
      throw statusFailure("Unauthenticated", "http returned 401");
    case 400:
    case 422:
      throw statusFailure("InvalidArgument", cutText(body));
    default:
      throw statusFailure("Unknown", cutText(body));
  }
}

function networkFailure(error: unknown, end: Ending, report: Report): ServerError {
  if (end.isExpired) {
    report("failure");
    return statusFailure("DeadlineExceeded", "context deadline exceeded", error);
  }
  if (end.signal.aborted) {
    report("void");
    return statusFailure("Canceled", "context canceled", error);
  }
  report("failure");
  const status = isTlsError(error) ? "Unauthenticated" : "Unavailable";
  return statusFailure(status, errorText(error), error);
}

/** Certificates that do not verify, and handshakes that fail. */
const TLS_CODES =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|ERR_CERT)/;

function isTlsError(error: unknown): boolean {
  const code = (error as { readonly code?: unknown }).code; // any shape: checked here
  return typeof code === "string" && TLS_CODES.test(code);
}
