import { answerCommand, type RpcAnswer, WELCOME } from "./application.ts";
import {
  FLAG,
  FRAME,
  type Http2Frame,
  http2Frame,
  PREFACE_BYTES,
  readHttp2Frames,
} from "./http2-frames.ts";
import { numberField, readString, stringField } from "./protobuf.ts";

const SUCCESS = 1;
const COMMANDS = new Set(["subscribe", "unsubscribe", "message"]);
const MAX_CONCURRENT_STREAMS = 100;
const GRPC_PREFIX_BYTES = 5;
/** Credit for request bytes is given back in lumps of this size, half the initial window of a connection. */
const WINDOW_LUMP_BYTES = 32_768;

// HPACK (RFC 7541): `:status 200` is static entry 8, the rest are literals that enter no table.
const RESPONSE_HEADERS = Buffer.concat([
  Buffer.from([0x88]),
  literal("content-type", "application/grpc"),
]);
const RESPONSE_TRAILERS = literal("grpc-status", "0");
const ENV_KEY = (3 << 3) | 2;

/**
 * One HTTP/2 connection of the backend, cheap because it never looks at a request header: which of the three methods
 * a call is shows in its message. The answers of a turn leave in one write.
 *
 * It may ignore the peer's flow control: at most 100 answers of about 200 bytes are under way, and clients give
 * credit back before half of their 64 KB window is used.
 */
export class GrpcConnection {
  readonly #write: (bytes: Buffer) => void;
  readonly #requests = new Map<number, Buffer>();
  #bytes: Buffer = Buffer.alloc(0);
  #hasPreface = false;
  #out: Buffer[] = [];
  #uncredited = 0;

  /** @param write sends bytes to the peer */
  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(3, 0);
    settings.writeUInt32BE(MAX_CONCURRENT_STREAMS, 2);
    write(http2Frame(FRAME.settings, 0, 0, settings));
  }

  /** Bytes from the peer. */
  received(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    if (!this.#hasPreface) {
      if (this.#bytes.length < PREFACE_BYTES) return;
      this.#hasPreface = true;
      this.#bytes = this.#bytes.subarray(PREFACE_BYTES);
    }
    this.#bytes = readHttp2Frames(this.#bytes, (frame) => this.#frame(frame));
    if (this.#out.length === 0) return;
    this.#write(Buffer.concat(this.#out));
    this.#out = [];
  }

  #frame(frame: Http2Frame): void {
    if (frame.type === FRAME.data) this.#data(frame);
    else if (frame.type === FRAME.settings && !(frame.flags & FLAG.ack)) {
      this.#out.push(http2Frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)));
    } else if (frame.type === FRAME.ping && !(frame.flags & FLAG.ack)) {
      this.#out.push(http2Frame(FRAME.ping, FLAG.ack, 0, frame.payload));
    }
  }

  #data({ flags, stream, payload }: Http2Frame): void {
    this.#credit(payload.length);
    const body =
      flags & FLAG.padded ? payload.subarray(1, payload.length - (payload[0] ?? 0)) : payload;
    const before = this.#requests.get(stream);
    const request = before ? Buffer.concat([before, body]) : body;
    if (!(flags & FLAG.endStream)) {
      this.#requests.set(stream, Buffer.from(request));
      return;
    }
    this.#requests.delete(stream);
    const message = answer(request.subarray(GRPC_PREFIX_BYTES));
    const prefix = Buffer.alloc(GRPC_PREFIX_BYTES);
    prefix.writeUInt32BE(message.length, 1);
    const trailerFlags = FLAG.endHeaders | FLAG.endStream;
    this.#out.push(
      http2Frame(FRAME.headers, FLAG.endHeaders, stream, RESPONSE_HEADERS),
      http2Frame(FRAME.data, 0, stream, Buffer.concat([prefix, message])),
      http2Frame(FRAME.headers, trailerFlags, stream, RESPONSE_TRAILERS),
    );
  }

  #credit(bytes: number): void {
    this.#uncredited += bytes;
    if (this.#uncredited < WINDOW_LUMP_BYTES) return;
    const increment = Buffer.alloc(4);
    increment.writeUInt32BE(this.#uncredited);
    this.#out.push(http2Frame(FRAME.windowUpdate, 0, 0, increment));
    this.#uncredited = 0;
  }
}

/** ConnectionRequest holds only `env = 3`; in the others field 1 is the command, or a client's identifiers. */
function answer(message: Buffer): Buffer {
  if (message[0] === ENV_KEY) return connectionResponse(WELCOME);
  const command = readString(message, 0, 1);
  if (!COMMANDS.has(command)) return numberField(1, SUCCESS);
  return commandResponse(
    answerCommand({
      command,
      identifier: readString(message, 0, 2),
      data: readString(message, 0, 4),
    }),
  );
}

function connectionResponse({ identifiers, transmissions }: RpcAnswer): Buffer {
  return Buffer.concat([
    numberField(1, SUCCESS),
    stringField(2, identifiers),
    ...transmissions.map((text) => stringField(3, text)),
  ]);
}

function commandResponse({ streams, transmissions }: RpcAnswer): Buffer {
  return Buffer.concat([
    numberField(1, SUCCESS),
    ...streams.map((stream) => stringField(4, stream)),
    ...transmissions.map((text) => stringField(5, text)),
  ]);
}

function literal(name: string, value: string): Buffer {
  return Buffer.from(
    `\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`,
    "latin1",
  );
}
