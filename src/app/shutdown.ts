import type { Clock } from "../ports/clock.ts";

/** The time a shutdown has, from the first signal on; a second one ends it at once. */
export class ShutdownDeadline {
  private readonly controller = new AbortController();
  private readonly endsAt: number;
  private readonly clock: Clock;
  /** True when the operator did not want to wait. */
  isForced = false;

  constructor(timeoutMs: number, deps: { readonly clock: Clock }) {
    this.clock = deps.clock;
    this.endsAt = deps.clock.now() + timeoutMs;
    if (timeoutMs <= 0) this.controller.abort();
    else deps.clock.after(timeoutMs, () => this.controller.abort());
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get leftMs(): number {
    return this.signal.aborted ? 0 : Math.max(0, this.endsAt - this.clock.now());
  }

  /** Takes away what time is left. */
  force(): void {
    this.isForced = true;
    this.controller.abort();
  }

  /** Waits for the time, or less when the deadline comes first. */
  wait(ms: number): Promise<void> {
    if (this.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.clock.after(ms, done);
      this.signal.addEventListener("abort", done, { once: true });
      function done(): void {
        timer.cancel();
        resolve();
      }
    });
  }
}
