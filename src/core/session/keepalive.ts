import type { PingPrecision } from "../../messages/client.ts";
import type { Sleeper, TimerWheel } from "./timer-wheel.ts";

/** Whom a keepalive serves. */
export interface KeepaliveOwner {
  /** A ping is due. */
  ping(): void;
  /** No sign of life in time. */
  noPong(): void;
  /** The deadline counts only for sessions that are let in. */
  readonly isAuthenticated: boolean;
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Pings and the deadline for an answer. The first ping comes after a random half to one and a half intervals, so that a
 * crowd that connects at once is not pinged at once. Source: spec "protocol", section 6.
 */
export class Keepalive implements Sleeper {
  wakeAt = 0;
  private nextPingAt: number;
  private deadline: number;
  private isPingSinceAlive = false;
  /** 0 or less: no pings. */
  readonly intervalMs: number;
  private readonly timeoutMs: number;
  private readonly owner: KeepaliveOwner;
  private readonly wheel: TimerWheel;

  /** @param timeoutMs 0 when pongs are not expected */
  constructor(
    options: { readonly intervalMs: number; readonly timeoutMs: number },
    deps: {
      readonly owner: KeepaliveOwner;
      readonly wheel: TimerWheel;
      /** From 0 to 1. */
      readonly random: number;
    },
  ) {
    const { intervalMs } = options;
    this.intervalMs = intervalMs;
    this.timeoutMs = intervalMs > 0 ? options.timeoutMs : 0;
    this.owner = deps.owner;
    this.wheel = deps.wheel;
    this.nextPingAt = intervalMs > 0 ? deps.wheel.now() + intervalMs * (0.5 + deps.random) : NEVER;
    this.deadline = this.timeoutMs > 0 ? this.nextPingAt + this.timeoutMs : NEVER;
    this.wheel.wake(this, Math.min(this.nextPingAt, this.deadline));
  }

  stop(): void {
    this.nextPingAt = NEVER;
    this.deadline = NEVER;
    this.wheel.wake(this, NEVER);
  }

  /** The client gave a sign of life. */
  alive(): void {
    this.deadline = NEVER;
    this.isPingSinceAlive = false;
  }

  /** A command ended: a ping sent meanwhile gets one more timeout to be answered. */
  commandEnded(): void {
    if (!this.isPingSinceAlive || this.deadline === NEVER) return;
    this.isPingSinceAlive = false;
    this.deadline += this.timeoutMs;
  }

  awake(now: number): number {
    if (now >= this.nextPingAt) this.sendPing(now);
    if (now >= this.deadline) {
      // Before authentication the client cannot answer: the next ping sets a new deadline.
      this.deadline = NEVER;
      if (this.owner.isAuthenticated) this.owner.noPong();
    }
    return Math.min(this.nextPingAt, this.deadline);
  }

  private sendPing(now: number): void {
    this.owner.ping();
    if (this.nextPingAt === NEVER) return;
    this.nextPingAt = now + this.intervalMs;
    if (this.timeoutMs > 0 && this.deadline === NEVER) {
      this.deadline = now + this.timeoutMs;
      this.isPingSinceAlive = true;
    }
  }
}

/** The time as decimal digits; nanoseconds exceed what a number can hold, so they are put together as text. */
export function pingTimestamp(nowMs: number, precision: PingPrecision): string {
  switch (precision) {
    case "s":
      return String(Math.floor(nowMs / 1000));
    case "ms":
      return String(Math.floor(nowMs));
    case "ns": {
      const whole = Math.floor(nowMs);
      const nanos = Math.floor((nowMs - whole) * 1e6);
      return `${whole}${String(nanos).padStart(6, "0")}`;
    }
  }
}
