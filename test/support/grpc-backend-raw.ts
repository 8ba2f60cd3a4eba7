import { createServer, type Socket } from "node:net";

/** Frame types and flags of HTTP/2 (RFC 9113, section 6). */
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const CONTINUATION = 9;
const ACK = 1;
const END_STREAM = 1;
const END_HEADERS = 4;
const PREFACE_BYTES = 24;
const FRAME_HEAD_BYTES = 9;
const MAX_FRAME_BYTES = 16_384;

/** What the peer does with a complete request; `number` counts the requests of all connections from 1. */
export type RawHandler = (connection: RawConnection, streamId: number, number: number) => void;

export interface RawPeerOptions {
  /** SETTINGS as identifier and value; null keeps silent after accepting. */
  readonly settings?: readonly (readonly [id: number, value: number])[] | null;
  /** False leaves pings unanswered. */
  readonly answersPings?: boolean;
  /** Cuts every connection as soon as it is accepted. */
  readonly cutsAtOnce?: boolean;
}

/** A peer that says HTTP/2 frame by frame, for what a gRPC library cannot be told to do. */
export class RawPeer {
  readonly connections: RawConnection[] = [];
  requests = 0;
  port = 0;
  private readonly server = createServer((socket) => this.accept(socket));
  private readonly handler: RawHandler;
  private readonly options: RawPeerOptions;

  constructor(handler: RawHandler, options: RawPeerOptions = {}) {
    this.handler = handler;
    this.options = options;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    const address = this.server.address();
    if (address !== null && typeof address === "object") this.port = address.port;
    return this;
  }

  stop(): void {
    for (const connection of this.connections) connection.cut();
    this.server.close();
  }

  private accept(socket: Socket): void {
    const connection = new RawConnection(socket, this.options, (streamId) => {
      this.requests += 1;
      this.handler(connection, streamId, this.requests);
    });
    this.connections.push(connection);
    if (this.options.cutsAtOnce === true) connection.cut();
  }
}

/** One accepted connection. */
export class RawConnection {
  /** Codes of the RST_STREAM frames that came, by stream. */
  readonly resets = new Map<number, number>();
  /** Bytes of DATA that came, by stream. */
  readonly bodies = new Map<number, Buffer>();
  pings = 0;
  isClosed = false;
  private readonly socket: Socket;
  private readonly options: RawPeerOptions;
  private readonly requested: (streamId: number) => void;
  private input = Buffer.alloc(0);
  private isPastPreface = false;

  constructor(socket: Socket, options: RawPeerOptions, requested: (streamId: number) => void) {
    this.socket = socket;
    this.options = options;
    this.requested = requested;
    socket.on("data", (chunk: Buffer) => this.receive(chunk));
    socket.on("close", () => {
      this.isClosed = true;
    });
    socket.on("error", () => undefined);
    if (options.settings !== null) this.settings(options.settings ?? []);
  }

  settings(values: readonly (readonly [id: number, value: number])[]): void {
    const payload = Buffer.alloc(values.length * 6);
    values.forEach(([id, value], index) => {
      payload.writeUInt16BE(id, index * 6);
      payload.writeUInt32BE(value, index * 6 + 2);
    });
    this.write(SETTINGS, 0, 0, payload);
  }

  /** Response headers, literally, in as many frames as they need. */
  headers(streamId: number, headers: Readonly<Record<string, string>>, end = false): void {
    const block = Buffer.concat(Object.entries(headers).map(literal));
    for (let at = 0; at < block.length; at += MAX_FRAME_BYTES) {
      const isLast = at + MAX_FRAME_BYTES >= block.length;
      const type = at === 0 ? HEADERS : CONTINUATION;
      const flags = (isLast ? END_HEADERS : 0) | (end && at === 0 ? END_STREAM : 0);
      this.write(type, flags, streamId, block.subarray(at, at + MAX_FRAME_BYTES));
    }
  }

  data(streamId: number, bytes: Uint8Array): void {
    this.write(DATA, 0, streamId, Buffer.from(bytes));
  }

  /** A whole answer with status OK. */
  reply(streamId: number, message: Uint8Array): void {
    this.headers(streamId, { ":status": "200", "content-type": "application/grpc" });
    const frame = Buffer.alloc(5 + message.length);
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, 5);
    this.data(streamId, frame);
    this.headers(streamId, { "grpc-status": "0" }, true);
  }

  /** Ends the stream; code 7 says that it was not processed. */
  reset(streamId: number, code: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(code);
    this.write(RST_STREAM, 0, streamId, payload);
  }

  goAway(lastStreamId: number, code = 0, text = ""): void {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(lastStreamId);
    payload.writeUInt32BE(code, 4);
    this.write(GOAWAY, 0, 0, Buffer.concat([payload, Buffer.from(text)]));
  }

  /** Ends the socket without a word. */
  cut(): void {
    this.socket.destroy();
  }

  /** Bytes as they are, frame heads included. */
  raw(bytes: Uint8Array): void {
    if (!this.isClosed) this.socket.write(bytes);
  }

  private write(type: number, flags: number, streamId: number, payload: Buffer): void {
    const head = Buffer.alloc(FRAME_HEAD_BYTES);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(streamId, 5);
    this.raw(Buffer.concat([head, payload]));
  }

  private receive(chunk: Buffer): void {
    if (this.options.settings === null) return;
    this.input = Buffer.concat([this.input, chunk]);
    if (!this.isPastPreface) {
      if (this.input.length < PREFACE_BYTES) return;
      this.input = this.input.subarray(PREFACE_BYTES);
      this.isPastPreface = true;
    }
    while (this.input.length >= FRAME_HEAD_BYTES) {
      const length = FRAME_HEAD_BYTES + this.input.readUIntBE(0, 3);
      if (this.input.length < length) return;
      const frame = this.input.subarray(0, length);
      this.input = this.input.subarray(length);
      this.frame(frame);
    }
  }

  private frame(frame: Buffer): void {
    const [type = 0, flags = 0] = [frame[3], frame[4]];
    const streamId = frame.readUInt32BE(5) & 0x7fffffff;
    const payload = frame.subarray(FRAME_HEAD_BYTES);
    if (type === SETTINGS && (flags & ACK) === 0) this.write(SETTINGS, ACK, 0, Buffer.alloc(0));
    if (type === PING && (flags & ACK) === 0) this.ping(payload);
    if (type === RST_STREAM) this.resets.set(streamId, payload.readUInt32BE(0));
    if (type === DATA) {
      const before = this.bodies.get(streamId) ?? Buffer.alloc(0);
      this.bodies.set(streamId, Buffer.concat([before, payload]));
    }
    if ((type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0) this.requested(streamId);
  }

  private ping(payload: Buffer): void {
    this.pings += 1;
    if (this.options.answersPings !== false) this.write(PING, ACK, 0, payload);
  }
}

/** A header field without compression (RFC 7541, section 6.2.2). */
function literal([name, value]: readonly [string, string]): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  const head: number[] = [];
  let length = bytes.length;
  if (length < 127) head.push(length);
  else {
    head.push(127);
    for (length -= 127; length >= 128; length >>>= 7) head.push((length & 127) | 128);
    head.push(length);
  }
  return Buffer.concat([Buffer.from(head), bytes]);
}
