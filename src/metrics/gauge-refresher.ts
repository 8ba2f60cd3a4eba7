import type { Clock, Timer } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Service } from "../ports/service.ts";

/** How often. */
export interface GaugeRefresherOptions {
  /** Milliseconds; 0 leaves the gauges as they are for good. */
  readonly intervalMs: number;
}

/** What is refreshed. */
export interface GaugeRefresherDeps {
  /** Each sets the gauges of one room; short, without waiting. A throw is reported and costs only its own gauges. */
  readonly refreshers: readonly (() => void)[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Brings gauges up to date that nobody keeps up to date otherwise; the first time one interval after the start. */
export class GaugeRefresher implements Service {
  readonly name = "gauges";
  private readonly intervalMs: number;
  private readonly deps: GaugeRefresherDeps;
  private readonly log: Log;
  private timer: Timer | null = null;

  constructor(options: GaugeRefresherOptions, deps: GaugeRefresherDeps) {
    this.intervalMs = options.intervalMs;
    this.deps = deps;
    this.log = deps.log.with({ context: "metrics" });
  }

  async start(): Promise<void> {
    if (this.intervalMs > 0) this.schedule();
  }

  async stop(): Promise<void> {
    this.timer?.cancel();
    this.timer = null;
  }

  private schedule(): void {
    this.timer = this.deps.clock.after(this.intervalMs, () => {
      this.schedule();
      for (const refresh of this.deps.refreshers) this.refresh(refresh);
    });
  }

  private refresh(refresh: () => void): void {
    try {
      refresh();
    } catch (error) {
      this.log.error("failed to refresh gauges", { error });
    }
  }
}
