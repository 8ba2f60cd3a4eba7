import { ServerError } from "../../../messages/server-error.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Log } from "../../../ports/log.ts";

export interface BreakerDeps {
  readonly clock: Clock;
  /** With its context. */
  readonly log: Log;
}

/** How an admitted request ended; `void` says nothing of the backend, it counts as if it had not been made. */
export type BreakerOutcome = "success" | "failure" | "void";

/** Tells how the request ended; once per admission. */
export type Report = (outcome: BreakerOutcome) => void;

const WINDOW_MS = 10_000;
const MIN_REQUESTS = 10;
const FAILURE_SHARE = 0.8;
const OPEN_MS = 5_000;
const PROBES = 5;

/**
 * Keeps requests from a backend that does not answer, tries a few after a while. Reports that come after the
 * state has changed, or the window has passed, count nothing. Source: spec "rpc", section 9.
 */
export class Breaker {
  private readonly deps: BreakerDeps;
  private state: "closed" | "open" | "half-open" = "closed";
  private untilMs: number;
  private period = 0;
  private requests = 0;
  private successes = 0;
  private failures = 0;

  constructor(deps: BreakerDeps) {
    this.deps = deps;
    this.untilMs = deps.clock.now() + WINDOW_MS;
  }

  /** @throws {ServerError} `rpc_breaker_open` when the request must not be made */
  admit(): Report {
    this.passTime();
    if (this.state === "open") throw refusal("http rpc is temporarily unavailable");
    if (this.state === "half-open" && this.requests >= PROBES) throw refusal("too many requests");
    this.requests += 1;
    const { period } = this;
    return (outcome) => {
      this.passTime();
      if (period === this.period) this.count(outcome);
    };
  }

  private count(outcome: BreakerOutcome): void {
    switch (outcome) {
      case "void":
        this.requests -= 1;
        return;
      case "success":
        this.successes += 1;
        if (this.state === "half-open" && this.successes >= PROBES) this.close();
        return;
      case "failure":
        this.failures += 1;
        if (this.state === "half-open" || this.isHopeless()) this.open();
        return;
    }
  }

  private isHopeless(): boolean {
    return this.requests >= MIN_REQUESTS && this.failures / this.requests >= FAILURE_SHARE;
  }

  private passTime(): void {
    const nowMs = this.deps.clock.now();
    if (this.state === "half-open" || nowMs < this.untilMs) return;
    if (this.state === "open") this.state = "half-open";
    this.begin(nowMs + WINDOW_MS);
  }

  private open(): void {
    this.state = "open";
    this.begin(this.deps.clock.now() + OPEN_MS);
    this.deps.log.warn("circuit breaker is open");
  }

  private close(): void {
    this.state = "closed";
    this.begin(this.deps.clock.now() + WINDOW_MS);
    this.deps.log.info("circuit breaker is closed");
  }

  private begin(untilMs: number): void {
    this.untilMs = untilMs;
    this.period += 1;
    this.requests = 0;
    this.successes = 0;
    this.failures = 0;
  }
}

function refusal(text: string): ServerError {
  return new ServerError("rpc_breaker_open", text);
}
