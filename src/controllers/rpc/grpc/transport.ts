import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport, type UnaryResponse } from "@connectrpc/connect";
import { errorText } from "../../../messages/server-error.ts";
import type { Clock, Timer } from "../../../ports/clock.ts";
import { Exchange, type ExchangeOwner } from "./exchange.ts";
import { checkSendSize, PREFIX_BYTES } from "./framing.ts";
import { MessageEncoder } from "./message-encoder.ts";
import { internalError } from "./status.ts";
import { timeoutHeader } from "./timeout-header.ts";

export interface GrpcTransportOptions {
  readonly maxRecvBytes: number;
  readonly maxSendBytes: number;
}

export interface GrpcTransportDeps {
  readonly clock: Clock;
  /** Carries an exchange out. */
  readonly channel: { send(exchange: Exchange): void };
}

/**
 * Connect's transport for unary gRPC calls. The call's headers must be an object with the one key `sid`;
 * answers come without headers and trailers. Rejects with ConnectErrors; nothing is sent for a call whose
 * sid is not printable ASCII or whose message is too large.
 */
export class GrpcTransport implements Transport {
  private readonly options: GrpcTransportOptions;
  private readonly deps: GrpcTransportDeps;
  private readonly encoder = new MessageEncoder();

  constructor(options: GrpcTransportOptions, deps: GrpcTransportDeps) {
    this.options = options;
    this.deps = deps;
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: unknown,
    input: MessageInitShape<I>,
  ): Promise<UnaryResponse<I, O>> {
    return new Promise((resolve, reject) => {
      const request = {
        path: pathOf(method),
        sid: checkedSid(header),
        timeout: timeoutMs === undefined ? "" : timeoutHeader(timeoutMs),
        frame: this.frame(method.input, input),
      };
      const call = new UnaryCall(method, signal, resolve, reject);
      const exchange = new Exchange(request, this.options.maxRecvBytes, call);
      call.watch(exchange, timeoutMs, this.deps.clock);
      if (!exchange.isSettled) this.deps.channel.send(exchange);
    });
  }

  /** @throws {ConnectError} Unimplemented: the service has unary methods only */
  stream(): never {
    throw new ConnectError("this transport is for unary calls", Code.Unimplemented);
  }

  private frame<I extends DescMessage>(schema: I, input: MessageInitShape<I>): Uint8Array {
    const frame = this.encoder.frame(schema, create(schema, input));
    checkSendSize(frame.length - PREFIX_BYTES, this.options.maxSendBytes);
    return frame;
  }
}

/** A call from the caller's side: its time, its cancellation, its promise. */
class UnaryCall<I extends DescMessage, O extends DescMessage> implements ExchangeOwner {
  private readonly method: DescMethodUnary<I, O>;
  private readonly signal: AbortSignal | undefined;
  private readonly resolve: (response: UnaryResponse<I, O>) => void;
  private readonly reject: (error: ConnectError) => void;
  private exchange: Exchange | null = null;
  private timer: Timer | null = null;

  constructor(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    resolve: (response: UnaryResponse<I, O>) => void,
    reject: (error: ConnectError) => void,
  ) {
    this.method = method;
    this.signal = signal;
    this.resolve = resolve;
    this.reject = reject;
  }

  /** From now on the call ends with its time or its signal. */
  watch(exchange: Exchange, timeoutMs: number | undefined, clock: Clock): void {
    this.exchange = exchange;
    if (this.signal?.aborted === true) {
      this.handleEvent();
      return;
    }
    this.signal?.addEventListener("abort", this);
    if (timeoutMs === undefined) return;
    this.timer = clock.after(Math.min(timeoutMs, MAX_TIMER_MS), () => {
      exchange.abandon(new ConnectError("context deadline exceeded", Code.DeadlineExceeded));
    });
  }

  /** The signal has been aborted. */
  handleEvent(): void {
    this.exchange?.abandon(new ConnectError("call canceled", Code.Canceled));
  }

  ended(outcome: Uint8Array | ConnectError): void {
    this.timer?.cancel();
    this.signal?.removeEventListener("abort", this);
    const answer = outcome instanceof ConnectError ? outcome : this.decode(outcome);
    if (answer instanceof ConnectError) this.reject(answer);
    else this.resolve(answer);
  }

  private decode(message: Uint8Array): UnaryAnswer<I, O> | ConnectError {
    const { method } = this;
    try {
      return new UnaryAnswer(method, fromBinary(method.output, message, IGNORE_UNKNOWN));
    } catch (error) {
      return internalError(`failed to unmarshal the received message: ${errorText(error)}`, error);
    }
  }
}

const IGNORE_UNKNOWN = { readUnknownFields: false };

/** The part of Connect's answer that the client reads; headers are built only if somebody asks. */
class UnaryAnswer<I extends DescMessage, O extends DescMessage> implements UnaryResponse<I, O> {
  readonly stream = false;
  readonly method: DescMethodUnary<I, O>;
  readonly message: MessageShape<O>;

  constructor(method: DescMethodUnary<I, O>, message: MessageShape<O>) {
    this.method = method;
    this.message = message;
  }

  get service(): UnaryResponse<I, O>["service"] {
    return this.method.parent;
  }

  get header(): Headers {
    return new Headers();
  }

  get trailer(): Headers {
    return new Headers();
  }
}

/** Longer timers fire at once. */
const MAX_TIMER_MS = 2_147_483_647;
const PRINTABLE = /^[\x20-\x7e]*$/;

/** A header value that `node:http2` refuses would break every call on its connection. */
function checkedSid(header: unknown): string {
  const sid = (header as { readonly sid?: unknown } | undefined)?.sid; // any shape: checked here
  if (typeof sid === "string" && PRINTABLE.test(sid)) return sid;
  const text = 'header key "sid" contains value with non-printable ASCII characters';
  throw internalError(text);
}

function pathOf(method: DescMethodUnary): string {
  return `/${method.parent.typeName}/${method.name}`;
}
