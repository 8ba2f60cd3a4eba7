import { CLOSES, type Close } from "../../messages/close.ts";
import type { Frame } from "../../messages/frame.ts";
import type { Connection } from "../../ports/connection.ts";
import type { Counter } from "../../ports/metrics.ts";
import type { Flushable, Writer } from "./writer.ts";

/** What all outboxes of a node share. */
export interface OutboxDeps {
  readonly writer: Writer;
  readonly limits: {
    /** Queued bytes from which on a client is too slow; 0 for no limit. */
    readonly maxPendingBytes: number;
    /** How long the peer may take nothing; 0 for ever. */
    readonly writeTimeoutMs: number;
  };
  readonly metrics: {
    readonly sentFrames: Counter;
    readonly sentBytes: Counter;
    readonly failedFrames: Counter;
    readonly timedOutFrames: Counter;
  };
}

/** Whom an outbox tells that its peer is lost. */
export interface OutboxOwner {
  /** Nothing can be written any more; the connection has been cut. */
  lost(cause: "write timed out" | "ping timed out"): void;
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Frames on their way to one client: a queue in order, handed to the connection once per turn. The frames that the
 * connection has taken but the peer has not are "in flight": they do not count as pending, but have the write timeout
 * to get away. What is queued goes out before the close.
 */
export class Outbox implements Flushable {
  private queue: Frame[] = [];
  private head = 0;
  private pendingBytes = 0;
  private isScheduled = false;
  /** When the batch in flight, or a ping behind it, is given up; NEVER while the peer keeps up. */
  private deadline = NEVER;
  private isStalled = false;
  private isPingOverdue = false;
  private closeAfter: Close | null = null;
  private isOver = false;
  private readonly connection: Connection;
  private readonly owner: OutboxOwner;
  private readonly deps: OutboxDeps;

  constructor(connection: Connection, owner: OutboxOwner, deps: OutboxDeps) {
    this.connection = connection;
    this.owner = owner;
    this.deps = deps;
  }

  /** Queues a frame. @returns false when too much is pending already: the frame is not taken */
  push(frame: Frame): boolean {
    if (this.isOver) return true;
    const max = this.deps.limits.maxPendingBytes;
    if (max > 0 && this.pendingBytes >= max) return false;
    this.append(frame);
    return true;
  }

  /** Drops what is queued and not in flight. */
  clear(): void {
    this.queue = [];
    this.head = 0;
    this.pendingBytes = 0;
  }

  /**
   * Writes a ping past the queue: at once when the peer keeps up, else in front of what waits.
   * @param giveUpAt when the peer is given up if it has taken nothing by then
   */
  ping(frame: Frame, giveUpAt: number): void {
    if (this.isOver) return;
    this.deps.metrics.sentBytes.add(frame.bytes);
    if (!this.isStalled) {
      this.connection.send([frame], 0);
      return;
    }
    if (giveUpAt < this.deadline) {
      this.deadline = giveUpAt;
      this.isPingOverdue = true;
    }
  }

  /** Closes behind everything queued and a last frame, which is taken whatever is pending. */
  finish(close: Close, farewell?: Frame): void {
    if (this.isOver) return;
    if (farewell !== undefined) this.append(farewell);
    this.closeAfter = close;
    this.scheduleFlush();
  }

  /** Forgets everything: the connection is gone, or cut by the caller. */
  abandon(): void {
    this.isOver = true;
    this.clear();
    this.deps.writer.unwatch(this);
  }

  /** The peer took what was in flight. */
  drained(now: number): void {
    if (this.isOver || !this.isStalled) return;
    this.isStalled = false;
    this.isPingOverdue = false;
    this.deadline = NEVER;
    this.deps.writer.unwatch(this);
    this.flush(now);
  }

  /** True when neither frames nor a close wait to be written. */
  get isIdle(): boolean {
    return this.isOver || (this.head === this.queue.length && this.closeAfter === null);
  }

  flush(now: number): void {
    this.isScheduled = false;
    if (this.isOver || this.isStalled) return;
    while (this.head < this.queue.length && !this.isStalled) this.sendBatch(now);
    if (this.head < this.queue.length) return;
    if (this.head > 0) this.clear();
    if (this.closeAfter !== null && !this.isStalled) this.close(this.closeAfter);
  }

  checkStall(now: number): void {
    if (this.isOver || now < this.deadline) return;
    const cause = this.isPingOverdue ? "ping timed out" : "write timed out";
    if (!this.isPingOverdue) {
      this.deps.metrics.timedOutFrames.add();
      this.deps.metrics.failedFrames.add();
    }
    const close = this.isPingOverdue ? CLOSES.pingFailed : CLOSES.writeFailed;
    this.close(close);
    this.owner.lost(cause);
  }

  private append(frame: Frame): void {
    this.queue.push(frame);
    this.pendingBytes += frame.bytes;
    this.scheduleFlush();
  }

  private scheduleFlush(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.deps.writer.schedule(this);
  }

  private sendBatch(now: number): void {
    const taken = this.connection.send(this.queue, this.head);
    let bytes = 0;
    for (let i = this.head; i < this.head + taken; i++) bytes += this.queue[i]?.bytes ?? 0;
    this.head += taken;
    this.pendingBytes -= bytes;
    this.deps.metrics.sentFrames.add(taken);
    this.deps.metrics.sentBytes.add(bytes);
    if (taken === 0 || this.connection.bufferedBytes() > 0) this.stall(now);
  }

  private stall(now: number): void {
    const timeout = this.deps.limits.writeTimeoutMs;
    this.isStalled = true;
    this.deadline = timeout > 0 ? now + timeout : NEVER;
    this.deps.writer.watch(this);
    // What went out need not be kept for the rest of a long stall.
    this.queue = this.queue.slice(this.head);
    this.head = 0;
  }

  private close(close: Close): void {
    this.abandon();
    this.connection.close(close.code, close.reason);
  }
}
