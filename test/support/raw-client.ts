import { connect, type Socket } from "node:net";
import {
  type HandshakeResponse,
  type RawClientOptions,
  readResponse,
  requestBytes,
} from "./raw-handshake.ts";
import {
  encodeClientFrame,
  type FrameOptions,
  FrameReader,
  OPCODES,
  type WireFrame,
} from "./web-socket-frames.ts";

const DEFAULT_LIMIT_MS = 15_000;

/** How a connection ended, as a client sees it: 1006 without a close frame, 1005 for one without a code. */
export interface SeenClose {
  readonly code: number;
  readonly reason: string;
}

/**
 * A WebSocket client on a plain TCP socket that can do everything wrong: own handshake headers, any frame,
 * no reading. Frames wait in order until asked for, by one caller at a time; every wait is bounded.
 */
export class RawClient {
  /** What the server answered to the handshake. */
  readonly response: HandshakeResponse;
  private readonly socket: Socket;
  private readonly reader = new FrameReader();
  private readonly frames: WireFrame[] = [];
  private hasEnded = false;
  private wake: (() => void) | null = null;

  private constructor(socket: Socket, response: HandshakeResponse, rest: Buffer) {
    this.socket = socket;
    this.response = response;
    socket.on("data", (chunk: Buffer) => this.take(chunk));
    socket.on("error", () => this.end());
    socket.on("close", () => this.end());
    if (rest.length > 0) this.take(rest);
  }

  /** A client whose handshake succeeded. @throws when the answer is not 101 */
  static async open(options: RawClientOptions): Promise<RawClient> {
    const client = await RawClient.tryOpen(options);
    const { status, body } = client.response;
    if (status === 101) return client;
    client.drop();
    throw new Error(`expected 101, the handshake was answered ${status}: ${body}`);
  }

  /** The answer to one handshake, whatever it is; the connection is closed again. */
  static async handshake(options: RawClientOptions): Promise<HandshakeResponse> {
    const client = await RawClient.tryOpen(options);
    client.drop();
    return client.response;
  }

  private static async tryOpen(options: RawClientOptions): Promise<RawClient> {
    const socket = connect(options.port, options.host);
    socket.setNoDelay(true);
    socket.write(Buffer.concat([requestBytes(options), options.early ?? Buffer.alloc(0)]));
    const { response, rest } = await readResponse(socket);
    return new RawClient(socket, response, rest);
  }

  /** Sends a command as JSON text. */
  send(command: unknown): void {
    this.sendFrame(JSON.stringify(command));
  }

  sendFrame(payload: string | Uint8Array, options: FrameOptions = {}): void {
    this.sendBytes(encodeClientFrame(payload, options));
  }

  sendBytes(bytes: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** Subscribes and waits for the confirmation. @returns the identifier */
  async subscribe(
    identifier: string,
    extra: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    this.send({ command: "subscribe", identifier, ...extra });
    const answer = await this.next();
    if (!isConfirmation(answer, identifier)) {
      throw new Error(`expected a confirmation of ${identifier}, got ${JSON.stringify(answer)}`);
    }
    return identifier;
  }

  /** The next message that is not a ping of the application protocol, parsed. @throws at the end of the connection */
  async next(limitMs = DEFAULT_LIMIT_MS): Promise<unknown> {
    return JSON.parse(await this.nextText(limitMs));
  }

  /** The next messages, as `next` gives them. */
  async messages(count: number): Promise<readonly unknown[]> {
    const messages: unknown[] = [];
    while (messages.length < count) messages.push(await this.next());
    return messages;
  }

  /** As `next`, with the exact text. */
  async nextText(limitMs = DEFAULT_LIMIT_MS): Promise<string> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const text = await this.nextMessage(deadline);
      if (!isPing(text)) return text;
    }
  }

  /** The next ping of the application protocol: exact text. Other messages before it are dropped. */
  async nextPing(limitMs = DEFAULT_LIMIT_MS): Promise<string> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const text = await this.nextMessage(deadline);
      if (isPing(text)) return text;
    }
  }

  /** Everything but pings that arrives within a time, as exact texts. The end of the connection ends the wait. */
  async within(ms: number): Promise<readonly string[]> {
    const deadline = performance.now() + ms;
    const texts: string[] = [];
    for (;;) {
      const frame = await this.frameBefore(deadline);
      if (frame === null) return texts;
      if (frame.opcode === OPCODES.close) {
        this.frames.unshift(frame);
        return texts;
      }
      const text = frame.payload.toString();
      if (frame.opcode <= OPCODES.binary && !isPing(text)) texts.push(text);
    }
  }

  /** The next frame of any kind, as it was on the wire. @throws at the end of the connection */
  async nextFrame(limitMs = DEFAULT_LIMIT_MS): Promise<WireFrame> {
    const frame = await this.frameBefore(performance.now() + limitMs);
    if (frame !== null) return frame;
    throw new Error(this.hasEnded ? "the connection ended" : `no frame within ${limitMs} ms`);
  }

  /** Waits for the end and tells how it came. Messages before it are dropped. */
  async closed(limitMs = DEFAULT_LIMIT_MS): Promise<SeenClose> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const frame = await this.frameBefore(deadline);
      if (frame === null && this.hasEnded) return { code: 1006, reason: "" };
      if (frame === null) throw new Error(`the connection is still open after ${limitMs} ms`);
      if (frame.opcode === OPCODES.close) return closeOf(frame.payload);
    }
  }

  /** Resolves once TCP is closed as well. */
  async ended(limitMs = DEFAULT_LIMIT_MS): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!this.hasEnded) {
      if (performance.now() > deadline) throw new Error(`TCP is still open after ${limitMs} ms`);
      await this.news(deadline);
    }
  }

  /** True while TCP is open. */
  get isOpen(): boolean {
    return !this.hasEnded;
  }

  /** Stops reading: what the server sends piles up on its side. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Says goodbye with a close frame, empty without a code, and leaves TCP open. */
  sendClose(code?: number, reason = ""): void {
    const payload = Buffer.alloc(code === undefined ? 0 : 2);
    if (code !== undefined) payload.writeUInt16BE(code, 0);
    this.sendFrame(Buffer.concat([payload, Buffer.from(reason)]), { opcode: OPCODES.close });
  }

  /** Cuts TCP without a word. */
  drop(): void {
    this.socket.destroy();
    this.end();
  }

  [Symbol.dispose](): void {
    this.drop();
  }

  private async nextMessage(deadline: number): Promise<string> {
    const parts: Buffer[] = [];
    for (;;) {
      const frame = await this.frameBefore(deadline);
      if (frame === null) {
        throw new Error(
          this.hasEnded ? "the connection ended without a frame" : "no message in time",
        );
      }
      if (frame.opcode === OPCODES.close) {
        const { code, reason } = closeOf(frame.payload);
        throw new Error(`closed with ${code} ${reason}`);
      }
      if (frame.opcode > OPCODES.binary) continue;
      parts.push(frame.payload);
      if (frame.isFinal) return Buffer.concat(parts).toString();
    }
  }

  private async frameBefore(deadline: number): Promise<WireFrame | null> {
    while (this.frames.length === 0 && !this.hasEnded && performance.now() < deadline) {
      await this.news(deadline);
    }
    return this.frames.shift() ?? null;
  }

  private news(deadline: number): Promise<void> {
    if (this.wake !== null) throw new TypeError("somebody else waits for this client's frames");
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.max(0, deadline - performance.now()));
    this.wake = resolve;
    return promise.finally(() => {
      this.wake = null;
      clearTimeout(timer);
    });
  }

  private take(chunk: Buffer): void {
    this.frames.push(...this.reader.push(chunk));
    this.wake?.();
  }

  private end(): void {
    this.hasEnded = true;
    this.wake?.();
  }
}

function closeOf(payload: Buffer): SeenClose {
  if (payload.length < 2) return { code: 1005, reason: "" };
  return { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
}

function isPing(text: string): boolean {
  return text.startsWith('{"type":"ping"');
}

function isConfirmation(message: unknown, identifier: string): boolean {
  return Bun.deepEquals(message, { type: "confirm_subscription", identifier });
}
