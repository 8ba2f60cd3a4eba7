import type { Close } from "../../src/messages/close.ts";
import type { Frame } from "../../src/messages/frame.ts";
import type { Connection } from "../../src/ports/connection.ts";

/** A transport whose peer takes everything, or nothing, as told. Keeps what it was given. */
export class RecordingConnection implements Connection {
  /** Texts in the order in which they were handed over, pings included. */
  readonly sent: string[] = [];
  /** How many frames each `send` took. */
  readonly batches: number[] = [];
  readonly closes: Close[] = [];
  probes = 0;
  /** True while it is not read. */
  isPaused = false;
  /** Bytes the peer has not taken. */
  held = 0;
  /** True: the peer takes nothing. */
  isStuck = false;
  /** Frames taken by one `send` at most. */
  batchLimit = Number.POSITIVE_INFINITY;

  send(frames: readonly Frame[], start: number): number {
    const taken = frames.slice(start, start + Math.min(this.batchLimit, frames.length));
    for (const frame of taken) {
      this.sent.push(
        typeof frame.data === "string" ? frame.data : Buffer.from(frame.data).toString(),
      );
      if (this.isStuck) this.held += frame.bytes;
    }
    this.batches.push(taken.length);
    return taken.length;
  }

  bufferedBytes(): number {
    return this.held;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(code: number, reason: string): void {
    this.closes.push({ code, reason });
  }

  probe(): void {
    this.probes++;
  }

  /** Messages but pings, parsed. */
  get messages(): readonly unknown[] {
    return this.sent
      .filter((text) => !text.startsWith('{"type":"ping"'))
      .map((text): unknown => JSON.parse(text));
  }

  get pings(): readonly string[] {
    return this.sent.filter((text) => text.startsWith('{"type":"ping"'));
  }
}
