import { writeSync } from "node:fs";
import type { Clock, Timer } from "../ports/clock.ts";

/** Where lines go, and how many may wait there. */
export interface StdoutWriterOptions {
  /** File descriptor, normally 1. */
  readonly fd: number;
  /** Lines that would make more than this wait for a slow reader are lost, the newest first. Text counts in UTF-16 units. */
  readonly maxWaitingBytes: number;
  /** How long the last `flush` waits for a slow reader. */
  readonly flushTimeoutMs: number;
}

/** What the writer needs. */
export interface StdoutWriterDeps {
  readonly clock: Clock;
  /** Called when lines can be written again after some were lost; may call `write`. */
  readonly onLost: (count: number) => void;
  /** `fs.writeSync` unless given. */
  readonly writeSync?: (fd: number, bytes: Uint8Array) => number;
}

const RETRY_MS = 10;

/**
 * Lines to the standard output: one write per event-loop turn, in order. A reader that is slow costs memory up
 * to the bound, one that is gone nothing: its lines are dropped. Nothing here throws.
 *
 * `process.stdout` and `Bun.stdout` are refused alternatives: they lose lines when the process exits.
 */
export class StdoutWriter {
  private readonly options: StdoutWriterOptions;
  private readonly clock: Clock;
  private readonly onLost: (count: number) => void;
  private readonly writeSync: (fd: number, bytes: Uint8Array) => number;
  /** Lines of this turn. */
  private lines: string[] = [];
  private lineUnits = 0;
  /** What the reader has not taken yet. */
  private waiting: Uint8Array = EMPTY;
  private lost = 0;
  private turn: NodeJS.Immediate | null = null;
  private retry: Timer | null = null;

  constructor(options: StdoutWriterOptions, deps: StdoutWriterDeps) {
    this.options = options;
    this.clock = deps.clock;
    this.onLost = deps.onLost;
    this.writeSync = deps.writeSync ?? writeSync;
  }

  /** Queues one line, newline included. Bound to the writer: may be handed on as a function. */
  readonly write = (line: string): void => {
    if (!this.hasRoom(line) && this.retry === null) this.writeOrRetry();
    if (!this.hasRoom(line)) {
      this.lost++;
      return;
    }
    this.lines.push(line);
    this.lineUnits += line.length;
    this.turn ??= setImmediate(this.writeTurn);
  };

  /** Writes all that is queued, now: the last thing before the process exits. Blocks up to `flushTimeoutMs`. */
  flush(): void {
    const untilMs = performance.now() + this.options.flushTimeoutMs;
    this.writeWaiting();
    while (this.waiting.length > 0 && performance.now() < untilMs) {
      Bun.sleepSync(1);
      this.writeWaiting();
    }
  }

  private hasRoom(line: string): boolean {
    const { maxWaitingBytes } = this.options;
    return this.waiting.length + this.lineUnits + line.length <= maxWaitingBytes;
  }

  private readonly writeTurn = (): void => {
    this.turn = null;
    // While a retry is due the reader is known to be stuck.
    if (this.retry === null) this.writeOrRetry();
  };

  private writeOrRetry(): void {
    this.writeWaiting();
    if (this.waiting.length === 0) {
      this.reportLost();
      return;
    }
    this.retry = this.clock.after(RETRY_MS, () => {
      this.retry = null;
      this.writeOrRetry();
    });
  }

  private reportLost(): void {
    if (this.lost === 0) return;
    const count = this.lost;
    this.lost = 0;
    this.onLost(count);
  }

  private writeWaiting(): void {
    this.takeLines();
    try {
      while (this.waiting.length > 0) {
        const count = this.writeSync(this.options.fd, this.waiting);
        this.waiting = this.waiting.subarray(count);
      }
    } catch (error) {
      // Nobody is left to be told when the reader is gone (EPIPE) or the disk is full.
      if (!isBusy(error)) this.waiting = EMPTY;
    }
  }

  private takeLines(): void {
    if (this.lines.length === 0) return;
    const bytes = Buffer.from(this.lines.join(""));
    this.waiting = this.waiting.length === 0 ? bytes : Buffer.concat([this.waiting, bytes]);
    this.lines = [];
    this.lineUnits = 0;
  }
}

const EMPTY = new Uint8Array(0);

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}
