import type { Clock, Timer } from "../../../ports/clock.ts";

export interface KeepaliveOptions {
  /** Silence after which the peer is asked for a sign of life. */
  readonly intervalMs: number;
  /** Time it has for the answer. */
  readonly timeoutMs: number;
}

export interface KeepaliveDeps {
  readonly clock: Clock;
  /** Sends a PING; `acknowledged` is called with the answer, or never. */
  readonly ping: (acknowledged: () => void) => void;
  /** The answer did not come in time. */
  readonly expired: () => void;
}

/** Watches over one connection: a PING after a time of silence, with or without calls. Source: spec "rpc", section 6, item 6. */
export class Keepalive {
  private readonly options: KeepaliveOptions;
  private readonly deps: KeepaliveDeps;
  private lastReadMs: number;
  private timer: Timer;

  constructor(options: KeepaliveOptions, deps: KeepaliveDeps) {
    this.options = options;
    this.deps = deps;
    this.lastReadMs = deps.clock.now();
    this.timer = this.sleep(options.intervalMs);
  }

  /** Something came from the peer. */
  touch(): void {
    this.lastReadMs = this.deps.clock.now();
  }

  stop(): void {
    this.timer.cancel();
  }

  private sleep(delayMs: number): Timer {
    return this.deps.clock.after(delayMs, () => this.check());
  }

  private check(): void {
    const leftMs = this.lastReadMs + this.options.intervalMs - this.deps.clock.now();
    if (leftMs > 0) {
      this.timer = this.sleep(leftMs);
      return;
    }
    this.timer = this.deps.clock.after(this.options.timeoutMs, this.deps.expired);
    const expiry = this.timer;
    this.deps.ping(() => {
      if (this.timer !== expiry) return;
      expiry.cancel();
      this.touch();
      this.timer = this.sleep(this.options.intervalMs);
    });
  }
}
