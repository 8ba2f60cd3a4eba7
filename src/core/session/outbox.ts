import { CLOSES, type Close } from "../../messages/close.ts";
import type { Frame } from "../../messages/frame.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Connection } from "../../ports/connection.ts";
import type { Counter } from "../../ports/metrics.ts";
import type { Flushable, Writer } from "./writer.ts";

/** What all outboxes of a node share. */
export interface OutboxDeps {
  readonly writer: Writer;
  readonly clock: Clock;
  readonly limits: {
    /** Queued bytes from which on a client is too slow; 0 for no limit. */
    readonly maxPendingBytes: number;
    /** How long one frame may take to get away; 0 for ever. */
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
 * connection has taken but the peer has not are "in flight": they do not count as pending, but each has the write
 * timeout to get away. What is queued goes out before the close.
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
  /** A ping that could not be sent while the peer did not keep up. */
  private waitingPing: Frame | null = null;
  /** Size of the largest frame in flight, and what the connection held when the deadline was set. */
  private largestInFlight = 0;
  private heldAtDeadline = 0;
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
    if (this.isFull) {
      // A burst within one turn is not the client's fault: only what it does not take counts.
      this.flush(this.deps.clock.now());
      if (this.isFull) return false;
    }
    this.append(frame);
    return true;
  }

  private get isFull(): boolean {
    const max = this.deps.limits.maxPendingBytes;
    return max > 0 && this.pendingBytes >= max;
  }

  /** Drops what is queued and not in flight. */
  clear(): void {
    this.queue = [];
    this.head = 0;
    this.pendingBytes = 0;
  }

  /**
   * Writes a ping past the queue: at once when the peer keeps up, else in front of what waits. Of several that wait
   * only the last goes out.
   * @param giveUpAt when the peer is given up if it has not taken the ping by then
   */
  ping(frame: Frame, giveUpAt: number): void {
    if (this.isOver) return;
    if (this.isStalled) {
      this.waitingPing = frame;
    } else {
      this.writePing(frame);
      const held = this.connection.bufferedBytes();
      if (held === 0) return;
      this.stall(NEVER, held, frame.bytes);
    }
    if (giveUpAt < this.deadline) {
      this.deadline = giveUpAt;
      this.heldAtDeadline = this.connection.bufferedBytes();
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
    this.waitingPing = null;
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
    if (this.waitingPing !== null) this.writePing(this.waitingPing);
    this.waitingPing = null;
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
    if (this.isOver || now < this.deadline || this.isProgressing(now)) return;
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

  private writePing(frame: Frame): void {
    this.deps.metrics.sentBytes.add(frame.bytes);
    this.connection.send([frame], 0);
  }

  private sendBatch(now: number): void {
    const taken = this.connection.send(this.queue, this.head);
    let bytes = 0;
    let largest = 0;
    for (let i = this.head; i < this.head + taken; i++) {
      const size = this.queue[i]?.bytes ?? 0;
      bytes += size;
      if (size > largest) largest = size;
    }
    this.head += taken;
    this.pendingBytes -= bytes;
    this.deps.metrics.sentFrames.add(taken);
    this.deps.metrics.sentBytes.add(bytes);
    const held = this.connection.bufferedBytes();
    if (taken === 0 || held > 0) this.stall(this.deadlineFrom(now), held, largest);
  }

  private deadlineFrom(now: number): number {
    const timeout = this.deps.limits.writeTimeoutMs;
    return timeout > 0 ? now + timeout : NEVER;
  }

  /** The deadline is each frame's own: when one has got away, the next has a timeout of its own, and pings get through. */
  private isProgressing(now: number): boolean {
    const held = this.connection.bufferedBytes();
    if (this.heldAtDeadline - held < this.largestInFlight) return false;
    this.heldAtDeadline = held;
    this.deadline = this.deadlineFrom(now);
    this.isPingOverdue = false;
    return true;
  }

  private stall(deadline: number, held: number, largest: number): void {
    this.isStalled = true;
    this.deadline = deadline;
    this.heldAtDeadline = held;
    this.largestInFlight = largest;
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
