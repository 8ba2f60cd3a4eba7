import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport, type UnaryResponse } from "@connectrpc/connect";
import { errorText } from "../../../messages/server-error.ts";
import type { Clock, Timer } from "../../../ports/clock.ts";
import { Exchange } from "./exchange.ts";
import { checkSendSize, frameMessage } from "./framing.ts";
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

  constructor(options: GrpcTransportOptions, deps: GrpcTransportDeps) {
    this.options = options;
    this.deps = deps;
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: unknown,
    input: MessageInitShape<I>,
  ): Promise<UnaryResponse<I, O>> {
    const exchange = new Exchange(
      {
        path: pathOf(method),
        sid: checkedSid(header),
        timeout: timeoutMs === undefined ? "" : timeoutHeader(timeoutMs),
        frame: this.encode(method.input, input),
      },
      this.options.maxRecvBytes,
    );
    const answer = await this.exchange(exchange, signal, timeoutMs);
    return new UnaryAnswer(method, decode(method.output, answer));
  }

  /** @throws {ConnectError} Unimplemented: the service has unary methods only */
  stream(): never {
    throw new ConnectError("this transport is for unary calls", Code.Unimplemented);
  }

  private encode<I extends DescMessage>(schema: I, input: MessageInitShape<I>): Uint8Array {
    let bytes: Uint8Array;
    try {
      bytes = toBinary(schema, create(schema, input));
    } catch (error) {
      throw internalError(errorText(error), error);
    }
    checkSendSize(bytes.length, this.options.maxSendBytes);
    return frameMessage(bytes);
  }

  private async exchange(
    exchange: Exchange,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
  ): Promise<Uint8Array> {
    const cancel = () => exchange.abandon(new ConnectError("call canceled", Code.Canceled));
    let timer: Timer | null = null;
    if (timeoutMs !== undefined) {
      timer = this.deps.clock.after(Math.min(timeoutMs, MAX_TIMER_MS), () => {
        exchange.abandon(new ConnectError("context deadline exceeded", Code.DeadlineExceeded));
      });
    }
    signal?.addEventListener("abort", cancel);
    if (signal?.aborted === true) cancel();
    else this.deps.channel.send(exchange);
    try {
      return await exchange.answer;
    } finally {
      timer?.cancel();
      signal?.removeEventListener("abort", cancel);
    }
  }
}

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

function decode<O extends DescMessage>(schema: O, bytes: Uint8Array): MessageShape<O> {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (error) {
    const text = `failed to unmarshal the received message: ${errorText(error)}`;
    throw internalError(text, error);
  }
}

function pathOf(method: DescMethodUnary): string {
  return `/${method.parent.typeName}/${method.name}`;
}
