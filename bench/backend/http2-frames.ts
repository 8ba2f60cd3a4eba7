/** Frame types of RFC 9113 section 6 the backend looks at. */
export const FRAME = { data: 0, headers: 1, settings: 4, ping: 6, windowUpdate: 8 } as const;

/** Flags of those frames. */
export const FLAG = { ack: 1, endStream: 1, endHeaders: 4, padded: 8 } as const;

/** One received frame; the payload is valid only during the call. */
export interface Http2Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** What every client says first. */
export const PREFACE_BYTES = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".length;

const HEADER_BYTES = 9;

/** Encodes a frame (RFC 9113 section 4.1). */
export function http2Frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  frame.writeUIntBE(payload.length, 0, 3);
  frame[3] = type;
  frame[4] = flags;
  frame.writeUInt32BE(stream, 5);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

/** Hands every whole frame in `bytes` to `sink` and returns the bytes behind the last one. */
export function readHttp2Frames(bytes: Buffer, sink: (frame: Http2Frame) => void): Buffer {
  let at = 0;
  while (bytes.length - at >= HEADER_BYTES) {
    const end = at + HEADER_BYTES + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    sink({
      type: bytes[at + 3] ?? 0,
      flags: bytes[at + 4] ?? 0,
      stream: bytes.readUInt32BE(at + 5) & 0x7fffffff,
      payload: bytes.subarray(at + HEADER_BYTES, end),
    });
    at = end;
  }
  return bytes.subarray(at);
}
