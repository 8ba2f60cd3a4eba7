/** Opcodes of RFC 6455, section 5.2. */
export const OPCODES = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

/** One frame as it was on the wire. */
export interface WireFrame {
  readonly opcode: number;
  readonly isFinal: boolean;
  /** The first reserved bit: set on compressed messages. */
  readonly isCompressed: boolean;
  readonly payload: Buffer;
}

/** What a client's frame says; a final, masked, plain text frame unless told otherwise. */
export interface FrameOptions {
  readonly opcode?: number;
  readonly isFinal?: boolean;
  readonly isCompressed?: boolean;
  /** False breaks the protocol: clients must mask. */
  readonly isMasked?: boolean;
}

/** The bytes of one client frame. */
export function encodeClientFrame(
  payload: string | Uint8Array,
  options: FrameOptions = {},
): Buffer {
  const { opcode = OPCODES.text, isFinal = true, isCompressed = false, isMasked = true } = options;
  const data = Buffer.from(typeof payload === "string" ? Buffer.from(payload) : payload);
  const first = (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode;
  const head = Buffer.concat([Buffer.from([first]), encodeLength(data.length, isMasked)]);
  if (!isMasked) return Buffer.concat([head, data]);
  const mask = crypto.getRandomValues(Buffer.alloc(4));
  return Buffer.concat([head, mask, data.map((byte, at) => byte ^ (mask[at & 3] ?? 0))]);
}

/** Cuts a server's bytes into frames. */
export class FrameReader {
  private chunks: Buffer[] = [];
  private size = 0;
  private needed = 2;

  /** @returns the frames these bytes complete, in order */
  push(chunk: Buffer): WireFrame[] {
    this.chunks.push(chunk);
    this.size += chunk.length;
    const frames: WireFrame[] = [];
    while (this.size >= this.needed) {
      const frame = this.cut();
      if (frame !== null) frames.push(frame);
    }
    return frames;
  }

  private cut(): WireFrame | null {
    const bytes = this.chunks.length === 1 ? this.chunks[0] : undefined;
    const all = bytes ?? Buffer.concat(this.chunks);
    const marker = all.readUInt8(1) & 0x7f;
    const start = marker === 126 ? 4 : marker === 127 ? 10 : 2;
    const end = all.length < start ? start : start + lengthOf(all, marker);
    if (all.length < end) {
      this.keep(all, end);
      return null;
    }
    this.keep(all.subarray(end), 2);
    const first = all.readUInt8(0);
    return {
      opcode: first & 0x0f,
      isFinal: (first & 0x80) !== 0,
      isCompressed: (first & 0x40) !== 0,
      payload: all.subarray(start, end),
    };
  }

  private keep(rest: Buffer, needed: number): void {
    this.chunks = [rest];
    this.size = rest.length;
    this.needed = needed;
  }
}

function lengthOf(bytes: Buffer, marker: number): number {
  if (marker === 126) return bytes.readUInt16BE(2);
  return marker === 127 ? Number(bytes.readBigUInt64BE(2)) : marker;
}

function encodeLength(length: number, isMasked: boolean): Buffer {
  const mask = isMasked ? 0x80 : 0;
  if (length < 126) return Buffer.from([mask | length]);
  if (length < 65_536) return Buffer.from([mask | 126, length >> 8, length & 0xff]);
  const head = Buffer.alloc(9);
  head.writeUInt8(mask | 127, 0);
  head.writeBigUInt64BE(BigInt(length), 1);
  return head;
}
