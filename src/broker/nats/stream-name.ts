import { createHash } from "node:crypto";

const MAX_NAME_BYTES = 255;

/**
 * Name and subject of the JetStream stream that keeps a stream's history. As in the reference where JetStream allows the
 * name; otherwise encoded, and for very long names a digest. Different names stay different.
 *
 *     room → _ac_room     chat/1 → _ac64_Y2hhdC8x
 */
export function historyStreamName(stream: string): string {
  const plain = `_ac_${stream}`;
  if (/^[^\s.*>/\\\p{Cc}]+$/u.test(plain) && isShort(plain)) return plain;
  const encoded = `_ac64_${Buffer.from(stream).toString("base64url")}`;
  if (isShort(encoded)) return encoded;
  return `_ach_${createHash("sha256").update(stream).digest("base64url")}`;
}

function isShort(name: string): boolean {
  return Buffer.byteLength(name) <= MAX_NAME_BYTES;
}
