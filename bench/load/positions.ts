import { ServerError } from "../../src/messages/server-error.ts";

const ZERO = 48;
const NINE = 57;
const COLON = 58;
const QUOTE = 34;

/**
 * What every client knows of one stream: the epoch, which all of them share, and the offset of the last message each
 * has seen. The first message is parsed, of the others only the offset is read, which is their last key:
 *
 *     {"identifier":"…","message":{"seq":7},"stream_id":"chat","epoch":"aB3x","offset":7}
 */
export class Positions {
  readonly #stream: string;
  readonly #offsets: Uint32Array;
  #epoch = "";

  constructor(stream: string, clients: number) {
    this.#stream = stream;
    this.#offsets = new Uint32Array(clients);
  }

  /**
   * Client number `client` received the message `bytes[start, end)`.
   * @throws {ServerError} `no_position` when it has none
   */
  seen(client: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#epoch === "") this.#epoch = readEpoch(bytes, start, end);
    // Backlog and live messages may overlap: the position never goes back.
    const offset = readOffset(bytes, start, end);
    if (offset > (this.#offsets[client] ?? 0)) this.#offsets[client] = offset;
  }

  /** The `history` part of a subscribe command of client number `client`. */
  history(client: number): object {
    const position = { epoch: this.#epoch, offset: this.#offsets[client] ?? 0 };
    return { history: { streams: { [this.#stream]: position } } };
  }
}

function readOffset(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  let unit = 1;
  let at = end - 2;
  for (; at > start && isDigit(bytes[at]); at--) {
    value += ((bytes[at] ?? 0) - ZERO) * unit;
    unit *= 10;
  }
  if (unit === 1 || bytes[at] !== COLON || bytes[at - 1] !== QUOTE) {
    throw noPosition(bytes, start, end);
  }
  return value;
}

function readEpoch(bytes: Uint8Array, start: number, end: number): string {
  const message: unknown = JSON.parse(Buffer.from(bytes.subarray(start, end)).toString());
  if (typeof message === "object" && message && "epoch" in message) {
    if (typeof message.epoch === "string" && message.epoch !== "") return message.epoch;
  }
  throw noPosition(bytes, start, end);
}

function noPosition(bytes: Uint8Array, start: number, end: number): ServerError {
  const text = Buffer.from(bytes.subarray(start, end)).toString();
  return new ServerError("no_position", `message without a position: ${text}`);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}
