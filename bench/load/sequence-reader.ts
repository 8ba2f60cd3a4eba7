const MARKER = Buffer.from('"seq":');
const ZERO = 48;
const NINE = 57;
const SPACE = 32;

/**
 * Finds the number behind `"seq":` in a frame's payload. Remembers where it stood, because frames of one load
 * look alike: most reads then cost six comparisons and no search.
 * Inside an identifier the quotes are escaped, so the marker is found in the message only.
 */
export class SequenceReader {
  #offset: number = MARKER.length;

  /** The sequence number in `bytes[start, end)`, or -1 when there is none. */
  read(bytes: Uint8Array, start: number, end: number): number {
    if (!endsWithMarker(bytes, start, start + this.#offset)) {
      const found = find(bytes, start, end);
      if (found < 0) return -1;
      this.#offset = found + MARKER.length - start;
    }
    return digits(bytes, start + this.#offset, end);
  }
}

function endsWithMarker(bytes: Uint8Array, start: number, end: number): boolean {
  const from = end - MARKER.length;
  if (from < start) return false;
  for (let i = 0; i < MARKER.length; i++) if (bytes[from + i] !== MARKER[i]) return false;
  return true;
}

function find(bytes: Uint8Array, start: number, end: number): number {
  const found = Buffer.from(bytes.buffer, bytes.byteOffset, end).indexOf(MARKER, start);
  return found < 0 || found + MARKER.length > end ? -1 : found;
}

function digits(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] === SPACE) at++;
  let value = at < end && isDigit(bytes[at]) ? 0 : -1;
  for (; at < end && isDigit(bytes[at]); at++) value = value * 10 + (bytes[at] ?? 0) - ZERO;
  return value;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}
