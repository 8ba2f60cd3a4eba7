import { errorText, ServerError } from "../../../messages/server-error.ts";
import type { Clock, Timer } from "../../../ports/clock.ts";
import { Backoff, GRPC_BACKOFF } from "./backoff.ts";
import type { Resolver } from "./resolver.ts";
import type { Address } from "./target.ts";

export interface ResolutionDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly resolver: Resolver;
  readonly resolved: (addresses: readonly Address[]) => void;
  readonly failed: (reason: string) => void;
}

const LOOKUP_TIMEOUT_MS = 20_000;
/** Least time between a good answer and the next question. */
const MIN_INTERVAL_MS = 30_000;

/**
 * Keeps the addresses of a channel current: asks when told to, not more often than useful, and again
 * after a growing delay when it failed. Source: spec "rpc", section 6, item 8.
 */
export class Resolution {
  private readonly deps: ResolutionDeps;
  private readonly backoff: Backoff;
  private timer: Timer | null = null;
  private isAsking = false;
  private isClosed = false;
  private lastGoodMs = Number.NEGATIVE_INFINITY;
  private hasFailed = false;

  constructor(deps: ResolutionDeps) {
    this.deps = deps;
    this.backoff = new Backoff(GRPC_BACKOFF, deps.random);
  }

  /** Asks unless an answer is under way, fixed or fresh; a fresh one is asked for again when it is old enough. */
  request(): void {
    if (this.isAsking || this.isClosed || this.timer !== null) return;
    const isFirst = this.lastGoodMs === Number.NEGATIVE_INFINITY;
    if (!isFirst && !this.deps.resolver.isDynamic) return;
    const waitMs = this.lastGoodMs + MIN_INTERVAL_MS - this.deps.clock.now();
    if (waitMs > 0) this.askIn(waitMs);
    else this.ask();
  }

  /** Asks now if the last question failed. */
  resetBackoff(): void {
    if (!this.hasFailed || this.isAsking || this.isClosed) return;
    this.timer?.cancel();
    this.timer = null;
    this.backoff.reset();
    this.ask();
  }

  close(): void {
    this.isClosed = true;
    this.timer?.cancel();
  }

  private askIn(delayMs: number): void {
    this.timer = this.deps.clock.after(delayMs, () => {
      this.timer = null;
      this.ask();
    });
  }

  private ask(): void {
    this.isAsking = true;
    this.answer().then(
      (addresses) => this.succeed(addresses),
      (error: unknown) => this.fail(errorText(error)),
    );
  }

  private async answer(): Promise<readonly Address[]> {
    const { clock, resolver } = this.deps;
    let timer: Timer | null = null;
    const timeout = new Promise<never>((_, reject) => {
      timer = clock.after(LOOKUP_TIMEOUT_MS, () => {
        reject(new ServerError("rpc_lookup_timeout", "name lookup timed out"));
      });
    });
    try {
      return await Promise.race([resolver.resolve(), timeout]);
    } finally {
      (timer as Timer | null)?.cancel(); // assigned in the executor, which the compiler does not follow
    }
  }

  private succeed(addresses: readonly Address[]): void {
    this.isAsking = false;
    if (this.isClosed) return;
    this.hasFailed = false;
    this.backoff.reset();
    this.lastGoodMs = this.deps.clock.now();
    this.deps.resolved(addresses);
  }

  private fail(reason: string): void {
    this.isAsking = false;
    if (this.isClosed) return;
    this.hasFailed = true;
    this.askIn(this.backoff.nextMs());
    this.deps.failed(`name resolver error: ${reason}`);
  }
}
