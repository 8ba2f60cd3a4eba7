import { Duration } from "../messages/duration.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Service } from "../ports/service.ts";
import type { MetricsWriter } from "./metrics-writer.ts";
import type { Registry, Rotation } from "./registry.ts";

/** How often. */
export interface PeriodicWriterOptions {
  /** Milliseconds from one rotation to the next; positive. */
  readonly intervalMs: number;
}

/** What it reads, whom it tells. */
export interface PeriodicWriterDeps {
  readonly registry: Registry;
  /** In the order in which they are started and called. */
  readonly writers: readonly MetricsWriter[];
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Rotates the registry once per interval, the first time one interval after the start, and hands the result to
 * every writer. Without writers it does nothing: the registry then keeps growing totals only.
 * Source: spec "observability", section 2.5.
 */
export class PeriodicWriter implements Service {
  readonly name = "metrics";
  private readonly intervalMs: number;
  private readonly deps: PeriodicWriterDeps;
  private readonly log: Log;
  private timer: Timer | null = null;

  constructor(options: PeriodicWriterOptions, deps: PeriodicWriterDeps) {
    this.intervalMs = options.intervalMs;
    this.deps = deps;
    this.log = deps.log.with({ context: "metrics" });
  }

  async start(): Promise<void> {
    const { clock, writers } = this.deps;
    if (writers.length === 0) {
      this.log.debug("no metrics writers, disabling metrics rotation");
      return;
    }
    for (const writer of writers) await writer.start();
    this.schedule(clock.now() + this.intervalMs);
  }

  /** The interval that has begun is not written. */
  async stop(): Promise<void> {
    this.timer?.cancel();
    this.timer = null;
    await Promise.all(this.deps.writers.map((writer) => this.guarded(() => writer.stop())));
  }

  /** @param dueMs when, counted from the start, so that intervals do not drift */
  private schedule(dueMs: number): void {
    const { clock } = this.deps;
    this.timer = clock.after(dueMs - clock.now(), () => {
      // After a long stall or a change of the system's time: from now on, no burst.
      const isLate = Math.abs(clock.now() - dueMs) > this.intervalMs;
      this.schedule((isLate ? clock.now() : dueMs) + this.intervalMs);
      this.rotate();
    });
  }

  private rotate(): void {
    this.log.debug("rotate metrics", { interval: new Duration(this.intervalMs) });
    const rotation = this.deps.registry.rotate();
    for (const writer of this.deps.writers) {
      // Owned by `guarded`, which reports every failure.
      void this.write(writer, rotation);
    }
  }

  private write(writer: MetricsWriter, rotation: Rotation): Promise<void> {
    return this.guarded(() => writer.write(rotation));
  }

  private async guarded(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.log.error("metrics writer failed to write", { error });
    }
  }
}
