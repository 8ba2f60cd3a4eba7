import { ServerError } from "../../src/messages/server-error.ts";
import { clientFrame, handshakeRequest, jsonFrame, OPCODE } from "./client-frames.ts";
import { type FrameSink, scanFrames } from "./frame-scanner.ts";
import { SequenceReader } from "./sequence-reader.ts";

/** How far a client has come, in this order. */
export const PHASE = { handshake: 0, welcome: 1, confirm: 2, live: 3, gone: 4 } as const;

/** One client, as small as it can be: there are 10 000 of them. */
export interface DialogueClient {
  readonly index: number;
  phase: (typeof PHASE)[keyof typeof PHASE];
  /** Bytes of an unfinished frame, or of an unfinished answer to the handshake. */
  rest: Uint8Array | null;
  write(bytes: Uint8Array): void;
}

/** Reads the payload `bytes[start, end)` of a client's frame; true when that is all there is to it. */
export type FrameReader = (index: number, bytes: Uint8Array, start: number, end: number) => boolean;

/** What a dialogue needs to know and whom it tells. */
export interface DialogueOptions {
  /** `ws://host:port/path`. */
  readonly url: URL;
  /** The channel identifier of client number `index`, as the server will see it. */
  readonly identifier: (index: number) => string;
  /** The sub-protocol; `actioncable-v1-json` when not given. */
  readonly protocol?: string | undefined;
  /** What goes into the subscribe command of client number `index` beside its identifier. */
  readonly subscribeWith?: ((index: number) => object) | undefined;
  /** Sees every text frame of a confirmed client first; true when it needs no further reading. */
  readonly onFrame?: FrameReader | undefined;
  /** A client was confirmed. */
  readonly onLive: () => void;
  /** A client received a message with a number. */
  readonly onMessage: (index: number, sequence: number) => void;
}

const PROTOCOL = "actioncable-v1-json";
const HEAD_END = Buffer.from("\r\n\r\n");
const EMPTY = new Uint8Array(0);

/**
 * What every client of a fleet says and hears: handshake, welcome, subscribe, confirmation, then messages.
 * One object for all clients; what differs is in the client.
 */
export class Dialogue {
  readonly #options: DialogueOptions;
  readonly #reader = new SequenceReader();
  readonly #request: Uint8Array;

  constructor(options: DialogueOptions) {
    this.#options = options;
    this.#request = handshakeRequest(options.url, options.protocol ?? PROTOCOL);
  }

  /** The client's TCP connection stands. */
  opened(client: DialogueClient): void {
    client.write(this.#request);
  }

  /**
   * Bytes from the server.
   * @throws {ServerError} `handshake_refused`, `client_refused` or `bad_frame`: the client is of no more use
   */
  received(client: DialogueClient, chunk: Uint8Array): void {
    const frames = client.phase === PHASE.handshake ? this.#afterHandshake(client, chunk) : chunk;
    if (frames.length > 0) client.rest = scanFrames(client, client.rest, frames, this.#frame);
  }

  /** The bytes behind the answer to the handshake, if it is complete. */
  #afterHandshake(client: DialogueClient, chunk: Uint8Array): Uint8Array {
    const bytes = client.rest === null ? Buffer.from(chunk) : Buffer.concat([client.rest, chunk]);
    const end = bytes.indexOf(HEAD_END);
    client.rest = end < 0 ? bytes : null;
    if (end < 0) return EMPTY;
    const status = bytes.toString("latin1", 0, bytes.indexOf("\r\n"));
    if (!status.startsWith("HTTP/1.1 101")) throw new ServerError("handshake_refused", status);
    client.phase = PHASE.welcome;
    return bytes.subarray(end + HEAD_END.length);
  }

  readonly #frame: FrameSink<DialogueClient> = (client, opcode, bytes, start, end) => {
    if (opcode === OPCODE.text) {
      if (client.phase === PHASE.live && this.#isRead(client.index, bytes, start, end)) return;
      const sequence = this.#reader.read(bytes, start, end);
      if (sequence >= 0) this.#options.onMessage(client.index, sequence);
      else if (client.phase !== PHASE.live) this.#control(client, bytes.subarray(start, end));
    } else if (opcode === OPCODE.ping) {
      client.write(clientFrame(OPCODE.pong, bytes.subarray(start, end)));
    } else if (opcode === OPCODE.close) {
      const hex = Buffer.from(bytes.subarray(start, end)).toString("hex");
      throw new ServerError("client_refused", `close frame ${hex}`);
    }
  };

  #isRead(index: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#options.onFrame?.(index, bytes, start, end) ?? false;
  }

  /** Welcome and confirmation; pings and what else is said before a client is live pass by. */
  #control(client: DialogueClient, payload: Uint8Array): void {
    const message: unknown = JSON.parse(Buffer.from(payload).toString());
    const type = typeof message === "object" && message && "type" in message ? message.type : null;
    if (type === "welcome" && client.phase === PHASE.welcome) {
      client.phase = PHASE.confirm;
      const identifier = this.#options.identifier(client.index);
      client.write(
        jsonFrame({
          command: "subscribe",
          identifier,
          ...this.#options.subscribeWith?.(client.index),
        }),
      );
    } else if (type === "confirm_subscription" && client.phase === PHASE.confirm) {
      client.phase = PHASE.live;
      this.#options.onLive();
    } else if (type === "reject_subscription" || type === "disconnect") {
      throw new ServerError("client_refused", JSON.stringify(message));
    }
  }
}
