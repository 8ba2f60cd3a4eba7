import { ServerError } from "../../src/messages/server-error.ts";

/** Receives one whole frame: its payload is `bytes[start, end)`, valid only during the call. */
export type FrameSink<C> = (
  client: C,
  opcode: number,
  bytes: Uint8Array,
  start: number,
  end: number,
) => void;

const NO_FRAME = -1;

/**
 * Hands every whole server frame in `rest` + `chunk` to `sink`, in order, and returns what is left over of the
 * last one (a copy; null when nothing is), to be given back with the next chunk.
 * @throws {ServerError} `bad_frame` for what no Action Cable server sends without being asked: a masked,
 * fragmented or compressed frame, or one of 4 GB and more
 * Source: RFC 6455 section 5.2.
 */
export function scanFrames<C>(
  client: C,
  rest: Uint8Array | null,
  chunk: Uint8Array,
  sink: FrameSink<C>,
): Uint8Array | null {
  const bytes = rest === null ? chunk : joined(rest, chunk);
  let at = 0;
  for (;;) {
    const start = payloadStart(bytes, at);
    if (start === NO_FRAME) break;
    const end = start + payloadLength(bytes, at);
    if (end > bytes.length) break;
    sink(client, (bytes[at] ?? 0) & 0x0f, bytes, start, end);
    at = end;
  }
  return at === bytes.length ? null : bytes.slice(at);
}

function joined(rest: Uint8Array, chunk: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(rest.length + chunk.length);
  bytes.set(rest, 0);
  bytes.set(chunk, rest.length);
  return bytes;
}

/** Where the payload of the frame at `at` begins; NO_FRAME while its header is not complete. */
function payloadStart(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  const second = bytes[at + 1];
  if (first === undefined || second === undefined) return NO_FRAME;
  if ((first & 0xf0) !== 0x80 || second > 127) throw badFrame(first, second);
  const start = at + (second < 126 ? 2 : second === 126 ? 4 : 10);
  return start > bytes.length ? NO_FRAME : start;
}

function payloadLength(bytes: Uint8Array, at: number): number {
  const short = bytes[at + 1] ?? 0;
  if (short < 126) return short;
  if (short === 126) return number(bytes, at + 2, 2);
  if (number(bytes, at + 2, 4) !== 0) throw badFrame(bytes[at] ?? 0, short);
  return number(bytes, at + 6, 4);
}

function number(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = at; i < at + length; i++) value = value * 256 + (bytes[i] ?? 0);
  return value;
}

function badFrame(first: number, second: number): ServerError {
  return new ServerError(
    "bad_frame",
    `frame header 0x${first.toString(16)} 0x${second.toString(16)}`,
  );
}
