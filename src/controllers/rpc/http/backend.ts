import type {
  CommandMessage,
  CommandResponse,
  ConnectionRequest,
  ConnectionResponse,
  DisconnectRequest,
  DisconnectResponse,
} from "../../../../protos/gen/rpc_pb.js";
import { errorText, ServerError } from "../../../messages/server-error.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Attempt, Backend } from "../backend.ts";
import { cutText, statusFailure } from "../failure.ts";
import { parseBaseUrl } from "./base-url.ts";
import type { Breaker } from "./breaker.ts";
import { Ending } from "./ending.ts";
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
  /** Of all requests: `fetch` reads it at once. */
  private readonly headers: Headers;
  private readonly tls: BunFetchRequestInitTLS | undefined;
  private readonly running = new Set<Ending>();
  /** Endings that were not needed, at most as many as calls ever ran at once. */
  private readonly spare: Ending[] = [];
  private isClosed = false;

  /** @throws {ServerError} `rpc_bad_host`, `rpc_bad_header` */
  constructor(options: HttpBackendOptions, deps: HttpBackendDeps) {
    this.deps = deps;
    const { urlOf, basicAuth } = parseBaseUrl(options.host);
    this.urls = {
      connect: urlOf("connect"),
      command: urlOf("command"),
      disconnect: urlOf("disconnect"),
    };
    this.headers = new Headers({ "content-type": "application/json", "user-agent": USER_AGENT });
    this.setHeader("x-anycable-meta-protov", options.protoVersions);
    const authorization = options.secret === "" ? basicAuth : `Bearer ${options.secret}`;
    if (authorization !== null) this.setHeader("authorization", authorization);
    const { isVerified: rejectUnauthorized, ca } = options.tls;
    const tls = ca === null ? { rejectUnauthorized } : { rejectUnauthorized, ca };
    // Given with plain HTTP, TLS options would cost 7 % of a call.
    this.tls = this.urls.connect.startsWith("https:") ? tls : undefined;
  }

  connect(request: ConnectionRequest, attempt: Attempt): Promise<ConnectionResponse> {
    return this.post(this.urls.connect, connectBody(request), attempt, parseConnectionResponse);
  }

  command(request: CommandMessage, attempt: Attempt): Promise<CommandResponse> {
    return this.post(this.urls.command, commandBody(request), attempt, parseCommandResponse);
  }

  disconnect(request: DisconnectRequest, attempt: Attempt): Promise<DisconnectResponse> {
    return this.post(
      this.urls.disconnect,
      disconnectBody(request),
      attempt,
      parseDisconnectResponse,
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

  /** @param parse reads the body of an answer with status 200 */
  private async post<T>(
    url: string,
    body: string,
    attempt: Attempt,
    parse: (body: string) => T,
  ): Promise<T> {
    // before the breaker counts: a session id comes from the client and says nothing of the application
    this.setHeader("x-anycable-meta-sid", attempt.sid);
    const report = this.deps.breaker.admit();
    const end = this.begin(attempt);
    let isAnswered = false;
    try {
      const response = await fetch(url, this.request(body, end.signal));
      isAnswered = true;
      report("success");
      return parse(bodyOf(response.status, await response.text()));
    } catch (error) {
      if (error instanceof ServerError) throw error;
      const failure = networkFailure(error, end);
      if (!isAnswered) report(failure.code === "rpc_canceled" ? "void" : "failure");
      throw failure;
    } finally {
      this.finish(end);
    }
  }

  private request(body: string, signal: AbortSignal): BunFetchRequestInit {
    const { headers, tls } = this;
    // no proxy variables: they would capture even loopback targets. Undocumented, hence a test
    const request = { method: "POST", proxy: false, headers, body, signal };
    // `proxy: false` is missing in the declared type
    return (tls === undefined ? request : { ...request, tls }) as unknown as BunFetchRequestInit;
  }

  private begin(attempt: Attempt): Ending {
    const end = this.spare.pop() ?? new Ending(this.deps.clock);
    end.begin(attempt);
    this.running.add(end);
    return end;
  }

  private finish(end: Ending): void {
    end.release();
    this.running.delete(end);
    if (!end.signal.aborted) this.spare.push(end);
  }

  /** @throws {ServerError} `rpc_internal` when the value has a line break or a zero, without telling it */
  private setHeader(name: string, value: string): void {
    // header values are bytes to `fetch`, one per character: UTF-8 is what the other side expects
    const isAscii = Buffer.byteLength(value) === value.length;
    try {
      this.headers.set(name, isAscii ? value : Buffer.from(value).toString("latin1"));
    } catch (error) {
      throw statusFailure(
        "Internal",
        `header "${name}" contains characters that cannot be sent`,
        error,
      );
    }
  }
}

const USER_AGENT = "cableway";

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

function networkFailure(error: unknown, end: Ending): ServerError {
  if (end.isExpired) {
    return statusFailure("DeadlineExceeded", "context deadline exceeded", error);
  }
  if (end.signal.aborted) return statusFailure("Canceled", "context canceled", error);
  const code = codeOf(error);
  if (CODING_CODES.test(code)) {
    const text = `the response cannot be decompressed: ${code}`;
    return new ServerError("rpc_bad_response", text, { cause: error });
  }
  const status = TLS_CODES.test(code) ? "Unauthenticated" : "Unavailable";
  return statusFailure(status, errorText(error).replace(ADVICE, ""), error);
}

/** Certificates that do not verify, and handshakes that fail. */
const TLS_CODES =
  /^(EPROTO|ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|ERR_CERT)/;

/** A compressed body that is none: `ZlibError`, `BrotliDecompressionError`, `ZstdDecompressionError`. */
const CODING_CODES = /^(ZlibError|\w+DecompressionError)$/;

/** What the runtime adds for programmers, the URL included. */
const ADVICE = /( fetching ".*")?\. For more information, pass `verbose: true`.*$/s;

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown }).code; // any shape: checked here
  return typeof code === "string" ? code : "";
}
