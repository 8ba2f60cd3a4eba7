import type { Frame } from "../../messages/frame.ts";
import type { Socket } from "../socket-handler.ts";

/** More than this in one cork, and the runtime copies back and forth (measured). */
const MAX_BATCH_BYTES = 64 * 1024;

/**
 * Writes many frames with one system call. One object serves all sockets of an endpoint: writing is synchronous, and
 * a closure per client and turn would cost more than the write.
 */
export class Batch {
  private frames: readonly Frame[] = [];
  private next = 0;
  private readonly isCompressed: boolean;

  constructor(options: { readonly isCompressed: boolean }) {
    this.isCompressed = options.isCompressed;
  }

  /** @returns how many frames, from `start` on, the socket took */
  send(socket: Socket, frames: readonly Frame[], start: number): number {
    const only = frames[start];
    if (only !== undefined && start === frames.length - 1) {
      this.write(socket, only);
      return 1;
    }
    this.frames = frames;
    this.next = start;
    socket.cork(this.writeAll);
    this.frames = [];
    return this.next - start;
  }

  private readonly writeAll = (socket: Socket): void => {
    let bytes = 0;
    while (this.next < this.frames.length && bytes < MAX_BATCH_BYTES) {
      const frame = this.frames[this.next];
      if (frame === undefined) break;
      this.write(socket, frame);
      bytes += frame.bytes;
      this.next++;
    }
  };

  private write(socket: Socket, frame: Frame): void {
    if (typeof frame.data === "string") socket.sendText(frame.data, this.isCompressed);
    else socket.sendBinary(frame.data, this.isCompressed);
  }
}
