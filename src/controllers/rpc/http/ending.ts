import type { Clock, Timer } from "../../../ports/clock.ts";
import type { Attempt } from "../backend.ts";

/** Longer timers fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/**
 * Ends attempts early: the time is over, the caller does not wait any more, or the backend closes. Good for one
 * attempt after the other as long as none was ended: an AbortController for each would cost 5 % of a call.
 */
export class Ending {
  readonly signal: AbortSignal;
  isExpired = false;
  private readonly clock: Clock;
  private readonly controller = new AbortController();
  private caller: AbortSignal | null = null;
  private timer: Timer | null = null;

  constructor(clock: Clock) {
    this.clock = clock;
    this.signal = this.controller.signal;
  }

  /** The attempt begins. */
  begin({ signal, timeoutMs }: Attempt): void {
    this.caller = signal;
    if (signal?.aborted === true) this.abort();
    signal?.addEventListener("abort", this);
    if (timeoutMs > 0) {
      this.timer = this.clock.after(Math.min(timeoutMs, MAX_TIMER_MS), () => {
        this.isExpired = true;
        this.abort();
      });
    }
  }

  /** The attempt is over. */
  release(): void {
    this.timer?.cancel();
    this.caller?.removeEventListener("abort", this);
    this.timer = null;
    this.caller = null;
  }

  /** The caller's signal has been aborted. */
  handleEvent(): void {
    this.abort();
  }

  abort(): void {
    this.controller.abort();
  }
}
