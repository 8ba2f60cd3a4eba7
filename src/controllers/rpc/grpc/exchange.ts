import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { FrameReader } from "./framing.ts";
import { codeOfHttpStatus, resetError, statusError } from "./status.ts";

/** What goes out. */
export interface ExchangeRequest {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly sid: string;
  /** Value of `grpc-timeout`; empty for none. */
  readonly timeout: string;
  /** The request message in its frame. */
  readonly frame: Uint8Array;
}

/** Who made the call. */
export interface ExchangeOwner {
  /** The call has ended, once: with the message of the answer, without its frame, or an error. */
  ended(outcome: Uint8Array | ConnectError): void;
}

/**
 * One unary call on its way: a request, and an answer or an error. It can be sent again as long as no
 * peer has processed it; `Connection` drives it, whoever gives up on it calls `abandon`.
 */
export class Exchange {
  readonly request: ExchangeRequest;
  private readonly maxRecvBytes: number;
  private readonly owner: ExchangeOwner;
  private settled = false;
  private hasBeenResent = false;
  private stream: ClientHttp2Stream | null = null;
  private reader: FrameReader;
  private httpStatus = 0;
  private contentType = "";
  private status = "";
  private statusMessage = "";

  constructor(request: ExchangeRequest, maxRecvBytes: number, owner: ExchangeOwner) {
    this.request = request;
    this.maxRecvBytes = maxRecvBytes;
    this.owner = owner;
    this.reader = new FrameReader(maxRecvBytes);
  }

  get isSettled(): boolean {
    return this.settled;
  }

  /** The peer has said how the call went. */
  get isAnswered(): boolean {
    return this.status !== "" && this.isGrpc();
  }

  /** Takes note of a stream that carries the call. */
  begin(stream: ClientHttp2Stream): void {
    this.stream = stream;
  }

  /** Response headers; of an answer without body they hold the status already. */
  receiveHeaders(headers: IncomingHttpHeaders): void {
    this.httpStatus = Number(headers[":status"]);
    this.contentType = headers["content-type"] ?? "";
    this.receiveTrailers(headers);
  }

  receiveData(chunk: Uint8Array): void {
    // a proxy's error page is no frame: the HTTP status tells
    if (this.settled || !this.isGrpc()) return;
    const error = this.reader.push(chunk);
    if (error !== null) this.abandon(error);
  }

  receiveTrailers(headers: IncomingHttpHeaders): void {
    this.status = text(headers["grpc-status"]);
    this.statusMessage = text(headers["grpc-message"]);
  }

  /** The stream has closed in the ordinary way: with trailers, or with a reset of the peer. */
  end(rstCode: number): void {
    if (!this.settled) this.settle(this.outcome(rstCode));
  }

  /** Gives up: tells the peer, if it has the call, and fails with the error. */
  abandon(error: ConnectError): void {
    if (this.settled) return;
    this.settle(error);
    this.stream?.close(NGHTTP2_CANCEL);
  }

  /** Fails without a word to the peer. */
  fail(error: ConnectError): void {
    if (!this.settled) this.settle(error);
  }

  /** The peer did not process the call. @returns false when it has had its second chance */
  mayResend(): boolean {
    if (this.settled || this.hasBeenResent) return false;
    this.hasBeenResent = true;
    this.reset();
    return true;
  }

  private isGrpc(): boolean {
    return this.contentType.startsWith("application/grpc");
  }

  private reset(): void {
    this.stream = null;
    this.reader = new FrameReader(this.maxRecvBytes);
    this.httpStatus = 0;
    this.contentType = "";
    this.status = "";
    this.statusMessage = "";
  }

  private settle(outcome: Uint8Array | ConnectError): void {
    this.settled = true;
    this.owner.ended(outcome);
  }

  private outcome(rstCode: number): Uint8Array | ConnectError {
    if (this.isAnswered) {
      return statusError(this.status, this.statusMessage) ?? this.reader.finish();
    }
    if (this.httpStatus === 0) return resetError(rstCode);
    if (this.httpStatus === 200 && (rstCode !== 0 || this.isGrpc())) return resetError(rstCode);
    return new ConnectError(
      `unexpected HTTP status code received from server: ${this.httpStatus}, content-type "${this.contentType}"`,
      codeOfHttpStatus(this.httpStatus),
    );
  }
}

const NGHTTP2_CANCEL = 8;

function text(header: string | string[] | undefined): string {
  if (header === undefined) return "";
  return typeof header === "string" ? header : (header[0] ?? "");
}

/** The peer, or the way to it, is gone. */
export function unavailable(reason: string): ConnectError {
  return new ConnectError(reason, Code.Unavailable);
}
