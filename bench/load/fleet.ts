import type { Socket, SocketHandler } from "bun";
import { ServerError } from "../../src/messages/server-error.ts";
import { clientFrame, handshakeRequest, jsonFrame, OPCODE } from "./client-frames.ts";
import { type FrameSink, scanFrames } from "./frame-scanner.ts";
import { SequenceReader } from "./sequence-reader.ts";

/** How far a client has come, in this order. */
const PHASE = { handshake: 0, welcome: 1, confirm: 2, live: 3, gone: 4 } as const;
type Phase = (typeof PHASE)[keyof typeof PHASE];

/** What one client costs the generator. */
interface Client {
  readonly index: number;
  phase: Phase;
  rest: Uint8Array | null;
  socket: Socket<Client> | null;
}

/** Where and as what the clients connect. */
export interface FleetOptions {
  /** `ws://host:port/path`. */
  readonly url: string;
  readonly clients: number;
  /** The channel identifier of client number `index`, as the server will see it. */
  readonly identifier: (index: number) => string;
}

/** Receives the number of a message that has one; called in the order of arrival per client. */
export type MessageSink = (index: number, sequence: number) => void;

const PROTOCOL = "actioncable-v1-json";
const HEAD_END = Buffer.from("\r\n\r\n");
const EMPTY = new Uint8Array(0);

/**
 * Many Action Cable clients on raw TCP: each connects, waits for the welcome, subscribes to one identifier and is
 * live once confirmed. A client that fails on the way, or is closed by the server later, counts as failed.
 */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #onMessage: MessageSink;
  readonly #clients: Client[] = [];
  readonly #reader = new SequenceReader();
  readonly #request: Uint8Array;
  readonly #url: URL;
  #onProgress: () => void = () => {};
  #isClosing = false;
  #live = 0;
  #failed = 0;
  #firstFailure: string | null = null;

  constructor(options: FleetOptions, onMessage: MessageSink) {
    this.#options = options;
    this.#onMessage = onMessage;
    this.#url = new URL(options.url);
    this.#request = handshakeRequest(this.#url, PROTOCOL);
  }

  /** Clients confirmed and still connected. */
  get live(): number {
    return this.#live;
  }

  /** Clients refused, rejected or cut. */
  get failed(): number {
    return this.#failed;
  }

  /** Why the first failed client failed. */
  get firstFailure(): string | null {
    return this.#firstFailure;
  }

  /**
   * Starts all clients, at most `inFlight` of them between connect and confirmation, and resolves when each is
   * live or has failed, or when nothing has happened for `stallMs` (those left behind then count as failed).
   */
  connect(inFlight: number, stallMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const total = this.#options.clients;
    let stall: ReturnType<typeof setTimeout> | undefined;
    const finish = () => {
      clearTimeout(stall);
      this.#onProgress = () => {};
      resolve();
    };
    const abandon = () => {
      const left = total - this.#live - this.#failed;
      this.#fail(`${left} clients were not confirmed within ${stallMs} ms`, left);
      finish();
    };
    stall = setTimeout(abandon, stallMs);
    this.#onProgress = () => {
      stall?.refresh();
      if (this.#clients.length < total) this.#open();
      else if (this.#live + this.#failed >= total) finish();
    };
    for (let i = Math.min(inFlight, total); i > 0; i--) this.#open();
    return promise;
  }

  /** Sends a `message` command with `data` (JSON text) for the identifier of client number `index`. */
  perform(index: number, data: string): void {
    const client = this.#clients[index];
    const identifier = this.#options.identifier(index);
    if (client) this.#write(client, jsonFrame({ command: "message", identifier, data }));
  }

  /** Resets every connection, without a closing handshake so that no port stays in TIME_WAIT. */
  close(): void {
    this.#isClosing = true;
    for (const client of this.#clients) client.socket?.terminate();
    this.#clients.length = 0;
    this.#live = 0;
  }

  #open(): void {
    const client: Client = {
      index: this.#clients.length,
      phase: PHASE.handshake,
      rest: null,
      socket: null,
    };
    this.#clients.push(client);
    Bun.connect<Client>({
      hostname: this.#url.hostname,
      port: Number(this.#url.port) || 80,
      data: client,
      socket: this.#handlers,
    }).catch((error: unknown) => this.#gone(client, `connect: ${String(error)}`));
  }

  readonly #handlers: SocketHandler<Client> = {
    open: (socket) => {
      socket.data.socket = socket;
      this.#write(socket.data, this.#request);
    },
    data: (socket, chunk) => this.#received(socket.data, chunk),
    close: (socket) => this.#gone(socket.data, "closed by the server"),
    error: (socket, error) => this.#gone(socket.data, error.message),
    connectError: (socket, error) => this.#gone(socket.data, `connect: ${error.message}`),
  };

  #received(client: Client, chunk: Uint8Array): void {
    try {
      const frames = client.phase === PHASE.handshake ? this.#afterHandshake(client, chunk) : chunk;
      if (frames.length > 0) client.rest = scanFrames(client, client.rest, frames, this.#frame);
    } catch (error) {
      this.#gone(client, error instanceof Error ? error.message : String(error));
    }
  }

  /** The bytes behind the answer to the handshake, if it is complete. */
  #afterHandshake(client: Client, chunk: Uint8Array): Uint8Array {
    const bytes = client.rest === null ? Buffer.from(chunk) : Buffer.concat([client.rest, chunk]);
    const end = bytes.indexOf(HEAD_END);
    client.rest = end < 0 ? bytes : null;
    if (end < 0) return EMPTY;
    const status = bytes.toString("latin1", 0, bytes.indexOf("\r\n"));
    if (!status.startsWith("HTTP/1.1 101")) throw new ServerError("handshake_refused", status);
    client.phase = PHASE.welcome;
    return bytes.subarray(end + HEAD_END.length);
  }

  readonly #frame: FrameSink<Client> = (client, opcode, bytes, start, end) => {
    if (opcode === OPCODE.text) {
      const sequence = this.#reader.read(bytes, start, end);
      if (sequence >= 0) this.#onMessage(client.index, sequence);
      else if (client.phase !== PHASE.live) this.#control(client, bytes.subarray(start, end));
    } else if (opcode === OPCODE.ping) {
      this.#write(client, clientFrame(OPCODE.pong, bytes.subarray(start, end)));
    } else if (opcode === OPCODE.close) {
      this.#gone(client, `close frame ${Buffer.from(bytes.subarray(start, end)).toString("hex")}`);
    }
  };

  /** Welcome and confirmation; pings and what else is said before a client is live pass by. */
  #control(client: Client, payload: Uint8Array): void {
    const message: unknown = JSON.parse(Buffer.from(payload).toString());
    const type = typeof message === "object" && message && "type" in message ? message.type : null;
    if (type === "welcome" && client.phase === PHASE.welcome) {
      client.phase = PHASE.confirm;
      const identifier = this.#options.identifier(client.index);
      this.#write(client, jsonFrame({ command: "subscribe", identifier }));
    } else if (type === "confirm_subscription" && client.phase === PHASE.confirm) {
      client.phase = PHASE.live;
      this.#live++;
      this.#onProgress();
    } else if (type === "reject_subscription" || type === "disconnect") {
      throw new ServerError("client_refused", JSON.stringify(message));
    }
  }

  #write(client: Client, bytes: Uint8Array): void {
    const written = client.socket?.write(bytes) ?? bytes.length;
    if (written !== bytes.length) this.#gone(client, `server takes no bytes: ${written} written`);
  }

  #gone(client: Client, reason: string): void {
    if (this.#isClosing || client.phase === PHASE.gone) return;
    if (client.phase === PHASE.live) this.#live--;
    client.phase = PHASE.gone;
    client.socket?.terminate();
    this.#fail(reason, 1);
  }

  #fail(reason: string, clients: number): void {
    this.#firstFailure ??= reason;
    this.#failed += clients;
    this.#onProgress();
  }
}
