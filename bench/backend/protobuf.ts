/** Just the protobuf wire format a cheap backend needs: length-delimited fields and small varints. */

/**
 * The first length-delimited field numbered `wanted` in a message, as a string; empty when absent.
 * @param start where the message begins in `bytes`; it ends with them
 */
export function readString(bytes: Buffer, start: number, wanted: number): string {
  let at = start;
  while (at < bytes.length) {
    const key = bytes[at] ?? 0;
    const length = readVarint(bytes, at + 1);
    const from = at + 1 + varintLength(length);
    if ((key & 7) !== 2) at += 1 + varintLength(length);
    else if (key >> 3 === wanted) return bytes.toString("utf8", from, from + length);
    else at = from + length;
  }
  return "";
}

/** A length-delimited field. */
export function stringField(number: number, text: string): Buffer {
  const value = Buffer.from(text);
  const length = varint(value.length);
  return Buffer.concat([Buffer.from([(number << 3) | 2]), length, value]);
}

/** A varint field. */
export function numberField(number: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([number << 3]), varint(value)]);
}

function readVarint(bytes: Buffer, start: number): number {
  let value = 0;
  for (let shift = 0, at = start; shift < 28; shift += 7, at++) {
    const byte = bytes[at] ?? 0;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  bytes.push(left);
  return Buffer.from(bytes);
}
