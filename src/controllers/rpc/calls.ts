import { ServerError } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Attempt } from "./backend.ts";
import { statusOf } from "./failure.ts";
import type { Permits } from "./permits.ts";
import { RetryDelays } from "./retry.ts";
import type { RpcMetrics } from "./rpc-metrics.ts";

export interface CallsOptions {
  /** For one attempt; 0 for no limit. */
  readonly requestTimeoutMs: number;
  /** For a call with its retries and the time between them; 0 or less for no limit. */
  readonly commandTimeoutMs: number;
}

export interface CallsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: RpcMetrics;
  readonly permits: Permits;
  /** Why an attempt is pointless now. @see Backend.refusal */
  readonly refusal: () => ServerError | null;
  /** What an attempt rejected with. @see Backend.failureOf */
  readonly failureOf: (error: unknown) => ServerError;
  /** An attempt was answered with `ResourceExhausted`. */
  readonly exhausted: () => void;
}

/** Whose call, and who may call it off. */
export interface Caller {
  readonly sid: string;
  /** null for a call that is never cancelled. */
  readonly signal: AbortSignal | null;
}

/** Runs calls: permits, attempts, retries, timeouts, and their counting. Source: spec "rpc", sections 7 and 8. */
export class Calls {
  private readonly options: CallsOptions;
  private readonly deps: CallsDeps;
  private running = 0;
  private idle: (() => void)[] = [];

  constructor(options: CallsOptions, deps: CallsDeps) {
    this.options = options;
    this.deps = deps;
  }

  /** Calls that run, or wait for a permit. */
  get active(): number {
    return this.running;
  }

  /** Resolves when no call runs or the signal aborts. */
  whenIdle(signal: AbortSignal): Promise<void> {
    if (this.running === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.idle.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /**
   * Carries a call out.
   * @param isCountedAtStart false counts it only when it was not cancelled
   * @returns null when the caller called it off
   * @throws {ServerError} when the last attempt failed, or no other made sense
   */
  async run<T>(
    caller: Caller,
    isCountedAtStart: boolean,
    attempt: (circumstances: Attempt) => Promise<T>,
  ): Promise<T | null> {
    const { permits, metrics } = this.deps;
    this.running += 1;
    if (!permits.tryTake()) await permits.wait();
    try {
      if (isCalledOff(caller)) return this.cancel();
      if (isCountedAtStart) metrics.calls.add();
      const answer = await this.attempts(caller, attempt);
      if (answer === null) return this.cancel();
      if (!isCountedAtStart) metrics.calls.add();
      return answer;
    } catch (error) {
      if (!isCountedAtStart) metrics.calls.add();
      metrics.errors.add();
      throw error;
    } finally {
      this.running -= 1;
      permits.release();
      if (this.running === 0) this.tellIdle();
    }
  }

  private cancel(): null {
    this.deps.metrics.canceled.add();
    return null;
  }

  private async attempts<T>(
    caller: Caller,
    attempt: (circumstances: Attempt) => Promise<T>,
  ): Promise<T | null> {
    const { commandTimeoutMs } = this.options;
    const startedMs = this.deps.clock.now();
    const deadlineMs = commandTimeoutMs > 0 ? startedMs + commandTimeoutMs : Infinity;
    let delays: RetryDelays | null = null;
    let nowMs = startedMs;
    while (true) {
      const refusal = this.deps.refusal();
      if (refusal !== null) throw refusal;
      const { sid, signal } = caller;
      try {
        return await attempt({ sid, signal, timeoutMs: this.timeLeft(deadlineMs - nowMs) });
      } catch (error) {
        if (isCalledOff(caller)) return null;
        delays ??= new RetryDelays();
        await this.sleepAfter(this.deps.failureOf(error), delays, deadlineMs, caller);
        if (isCalledOff(caller)) return null;
      }
      nowMs = this.deps.clock.now();
    }
  }

  /** @throws {ServerError} the failure, when no attempt is to follow */
  private async sleepAfter(
    failure: ServerError,
    delays: RetryDelays,
    deadlineMs: number,
    caller: Caller,
  ): Promise<void> {
    const { clock, log, metrics } = this.deps;
    if (failure.code === "rpc_deadline_exceeded") metrics.timeouts.add();
    if (failure.code === "rpc_resource_exhausted") this.deps.exhausted();
    const delayMs = delays.nextMs(failure);
    if (delayMs === null) throw failure;
    if (log.isDebug) {
      log.debug("RPC failed", { sid: caller.sid, code: statusOf(failure), error: failure });
    }
    metrics.retries.add();
    const leftMs = deadlineMs - clock.now();
    await this.sleep(Math.min(delayMs, leftMs), caller.signal);
    if (!isCalledOff(caller) && delayMs >= leftMs) throw interrupted(failure);
  }

  private sleep(delayMs: number, signal: AbortSignal | null): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const timer = this.deps.clock.after(delayMs, wake);
      signal?.addEventListener("abort", wake);
    });
  }

  /** The attempt's share of what is left for the call; 0 for no limit. */
  private timeLeft(leftMs: number): number {
    const { requestTimeoutMs } = this.options;
    if (leftMs === Infinity) return requestTimeoutMs;
    // a timer that was late must not turn "no time left" into "no limit"
    const left = Math.max(1, leftMs);
    return requestTimeoutMs > 0 ? Math.min(requestTimeoutMs, left) : left;
  }

  private tellIdle(): void {
    const { idle } = this;
    this.idle = [];
    for (const resolve of idle) resolve();
  }
}

function isCalledOff({ signal }: Caller): boolean {
  return signal?.aborted === true;
}

function interrupted(last: ServerError): ServerError {
  return new ServerError("rpc_retry_interrupted", `retry interrupted: ${last.message}`, {
    cause: last,
  });
}
