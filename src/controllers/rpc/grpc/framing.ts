import { Code, ConnectError } from "@connectrpc/connect";
import { sizeFailure } from "../failure.ts";

/** Flags and length in front of a message. Source: gRPC over HTTP/2, "Length-Prefixed-Message". */
export const PREFIX_BYTES = 5;

/** @throws {ConnectError} ResourceExhausted when the message is over the limit */
export function checkSendSize(bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return;
  throw tooLarge(`trying to send message larger than max (${bytes} vs. ${maxBytes})`);
}

/** Collects the body of a unary answer: exactly one frame, whatever pieces it comes in. Holds no more than that. */
export class FrameReader {
  private readonly maxBytes: number;
  private first: Uint8Array | null = null;
  private rest: Uint8Array[] | null = null;
  private bytes = 0;
  /** Size of the whole frame; 0 until its length is known. */
  private frameBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** @returns what is wrong with the body as far as it is known, null to go on */
  push(chunk: Uint8Array): ConnectError | null {
    this.bytes += chunk.length;
    if (this.first === null || this.first.length === 0) this.first = chunk;
    else if (this.rest === null) this.rest = [chunk];
    else this.rest.push(chunk);
    if (this.frameBytes === 0) return this.bytes < PREFIX_BYTES ? null : this.readPrefix();
    return this.bytes > this.frameBytes ? tooMany() : null;
  }

  /** The message, once the answer is complete; an error when it is not one whole frame. */
  finish(): Uint8Array | ConnectError {
    if (this.bytes === 0) return new ConnectError("no message in the answer", Code.Internal);
    if (this.frameBytes === 0 || this.bytes < this.frameBytes) {
      return new ConnectError("the answer ends inside a message", Code.Internal);
    }
    return this.join().subarray(PREFIX_BYTES, this.frameBytes);
  }

  private readPrefix(): ConnectError | null {
    const [flags = 0, a = 0, b = 0, c = 0, d = 0] = this.join();
    const length = a * 0x1000000 + (b << 16) + (c << 8) + d;
    this.frameBytes = PREFIX_BYTES + length;
    if (flags !== 0) return new ConnectError("compressed message in the answer", Code.Internal);
    if (length > this.maxBytes) {
      return tooLarge(`grpc: received message larger than max (${length} vs. ${this.maxBytes})`);
    }
    return this.bytes > this.frameBytes ? tooMany() : null;
  }

  private join(): Uint8Array {
    const first = this.first ?? new Uint8Array(0);
    if (this.rest === null) return first;
    this.first = Buffer.concat([first, ...this.rest]);
    this.rest = null;
    return this.first;
  }
}

function tooMany(): ConnectError {
  return new ConnectError("more than one message in the answer", Code.Internal);
}

function tooLarge(text: string): ConnectError {
  return new ConnectError(text, Code.ResourceExhausted, undefined, undefined, sizeFailure(text));
}
