/**
 * Encoded bytes, shared by every session that gets them.
 * `bytes` is the size of the payload on the wire (UTF-8 length for text).
 */
export interface Frame {
  readonly data: string | Uint8Array;
  readonly bytes: number;
}

/** A text frame. */
export function textFrame(data: string): Frame {
  return { data, bytes: Buffer.byteLength(data) };
}
