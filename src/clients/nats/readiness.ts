import { Duration } from "../../messages/duration.ts";
import { errorText } from "../../messages/server-error.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Service } from "../../ports/service.ts";
import type { NatsLink } from "./link.ts";
import { natsError } from "./nats-error.ts";
import { retryDelayMs } from "./retry.ts";

/**
 * `random` gives numbers from 0 up to, not including, 1. `log` names the component. `onFatal` is called once, when JetStream
 * cannot be had: the process should end with this message.
 */
export interface ReadinessDeps {
  readonly link: Pick<NatsLink, "watch">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly onFatal: (message: string) => void;
}

const MAX_RETRIES = 5;
const PATIENCE_MS = 1000;

/**
 * Prepares what components need of JetStream, in the background: in a cluster that takes a majority of the servers. Five
 * retries, in a minute at most, then it is fatal. Source: spec "messaging", section 13, rule 1.
 */
export class JetStreamReadiness implements Service {
  readonly name = "JetStream";
  readonly #deps: ReadinessDeps;
  readonly #steps: (() => Promise<unknown>)[] = [];
  readonly #listeners: (() => void)[] = [];
  readonly #waiting = new Set<() => void>();
  #isReady = false;
  #isStopped = false;
  #attempt = 0;
  #retry: Timer | null = null;
  #unwatch: (() => void) | null = null;

  constructor(deps: ReadinessDeps) {
    this.#deps = deps;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Adds a step, before `start`: it is repeated until it and all others succeed. `onReady` is told once they have. */
  add(step: () => Promise<unknown>, onReady: () => void = () => undefined): void {
    this.#steps.push(step);
    this.#listeners.push(onReady);
  }

  /** Begins; does not wait. */
  async start(): Promise<void> {
    // A server that comes late needs no patience.
    this.#unwatch = this.#deps.link.watch((isUp) => {
      if (isUp && this.#retry !== null) this.#tryNow();
    });
    this.#tryNow();
  }

  async stop(_signal: AbortSignal): Promise<void> {
    this.#isStopped = true;
    this.#unwatch?.();
    this.#retry?.cancel();
    this.#letGo();
  }

  /** Resolves when all is prepared. @throws {ServerError} `nats_unavailable` when that takes more than a second */
  async wait(): Promise<void> {
    if (this.#isReady) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const timer = this.#deps.clock.after(PATIENCE_MS, resolve);
    await promise;
    timer.cancel();
    this.#waiting.delete(resolve);
    if (!this.#isReady) throw natsError("nats_unavailable", "JetStream is not ready");
  }

  async #tryOnce(): Promise<void> {
    try {
      for (const step of this.#steps) await step();
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#isStopped) return;
    this.#isReady = true;
    for (const listener of this.#listeners) listener();
    this.#letGo();
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return;
    const { clock, log, onFatal, random } = this.#deps;
    if (this.#attempt >= MAX_RETRIES) {
      onFatal(`JetStream is unavailable, cause: ${errorText(error)}`);
      return;
    }
    const delayMs = retryDelayMs(this.#attempt, random(), true);
    this.#attempt += 1;
    log.warn("JetStream initialization failed", {
      error: errorText(error),
      next_attempt_in: new Duration(delayMs),
    });
    this.#retry = clock.after(delayMs, () => this.#tryNow());
  }

  #tryNow(): void {
    this.#retry?.cancel();
    this.#retry = null;
    // Reports for itself.
    void this.#tryOnce();
  }

  #letGo(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
