/** How much a client may send ahead of what is processed. */
export interface InboxLimits {
  readonly maxFrames: number;
  readonly maxBytes: number;
}

const COMPACT_AFTER = 64;

/** Frames of a client that wait for the running command, in order and bounded. */
export class Inbox {
  private frames: (string | Uint8Array)[] = [];
  private head = 0;
  private bytes = 0;

  /** @returns false when it is full; a single frame of any size fits into an empty one */
  push(frame: string | Uint8Array, limits: InboxLimits): boolean {
    const isFull = this.frames.length - this.head >= limits.maxFrames;
    if (isFull || (this.bytes > 0 && this.bytes + frame.length > limits.maxBytes)) return false;
    this.bytes += frame.length;
    // The bytes belong to the transport and may be reused after the call.
    this.frames.push(typeof frame === "string" ? frame : Uint8Array.from(frame));
    return true;
  }

  /** @returns null when empty */
  shift(): string | Uint8Array | null {
    const frame = this.frames[this.head];
    if (frame === undefined) return null;
    this.head++;
    this.bytes -= frame.length;
    if (this.head === this.frames.length) this.clear();
    else if (this.head >= COMPACT_AFTER && this.head * 2 >= this.frames.length) this.compact();
    return frame;
  }

  /** A client that is never quite caught up with must not leave its past behind. */
  private compact(): void {
    this.frames = this.frames.slice(this.head);
    this.head = 0;
  }

  clear(): void {
    this.frames = [];
    this.head = 0;
    this.bytes = 0;
  }
}
