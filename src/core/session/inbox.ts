/** How much a client may send ahead of what is processed. */
export interface InboxLimits {
  /** From here on the connection is not read; again when half of it is left. */
  readonly pauseFrames: number;
  readonly pauseBytes: number;
  /** What was read already may still come in up to here; the last frame may be of any size. */
  readonly maxFrames: number;
  readonly maxBytes: number;
}

/** Where the frames come from. */
export interface InboxSource {
  pause(): void;
  resume(): void;
}

const COMPACT_AFTER = 64;

/** Frames of a client that wait for the running command, in order and bounded: beyond the bounds the client has to wait, too. */
export class Inbox {
  private frames: (string | Uint8Array)[] = [];
  private head = 0;
  private bytes = 0;
  private isHeld = false;
  private readonly limits: InboxLimits;
  private readonly source: InboxSource;

  constructor(limits: InboxLimits, source: InboxSource) {
    this.limits = limits;
    this.source = source;
  }

  /** True while the connection is not read. */
  get isPaused(): boolean {
    return this.isHeld;
  }

  /** @returns false when it is full: the frame is not taken */
  push(frame: string | Uint8Array): boolean {
    const { limits } = this;
    if (this.size >= limits.maxFrames || this.bytes >= limits.maxBytes) return false;
    this.bytes += frame.length;
    // The bytes belong to the transport and may be reused after the call.
    this.frames.push(typeof frame === "string" ? frame : Uint8Array.from(frame));
    if (!this.isHeld && (this.size >= limits.pauseFrames || this.bytes >= limits.pauseBytes)) {
      this.isHeld = true;
      this.source.pause();
    }
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
    if (this.isHeld && this.isHalfEmpty) {
      this.isHeld = false;
      this.source.resume();
    }
    return frame;
  }

  private get size(): number {
    return this.frames.length - this.head;
  }

  private get isHalfEmpty(): boolean {
    const { pauseFrames, pauseBytes } = this.limits;
    return this.size <= pauseFrames / 2 && this.bytes <= pauseBytes / 2;
  }

  /** A client that is never quite caught up with must not leave its past behind. */
  private compact(): void {
    this.frames = this.frames.slice(this.head);
    this.head = 0;
  }

  private clear(): void {
    this.frames = [];
    this.head = 0;
    this.bytes = 0;
  }
}
