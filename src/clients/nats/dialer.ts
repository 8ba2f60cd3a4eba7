import type { NatsConnection } from "nats";
import { Duration } from "../../messages/duration.ts";
import { errorText } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { dial } from "./dial.ts";
import { retryDelayMs } from "./retry.ts";
import type { NatsServerAddress } from "./server-address.ts";

/** See `NatsLinkOptions`. */
export interface DialerOptions {
  readonly name: string;
  readonly servers: readonly NatsServerAddress[];
  readonly isOrdered: boolean;
  readonly maxReconnectAttempts: number;
  readonly pingIntervalMs?: number;
}

/** See `NatsLinkDeps`. */
export interface DialerDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly onFatal: (message: string) => void;
}

/** A connection and whom it leads to. */
export interface Opened {
  readonly connection: NatsConnection;
  readonly address: NatsServerAddress;
}

const DIAL_TIMEOUT_MS = 2000;
const PING_INTERVAL_MS = 5000;
const MAX_DISCOVERED = 32;

/**
 * Finds a server that takes a connection: all of them in turn, then a pause that grows, then again. Servers of the same
 * cluster that the last one told of are tried, too. Never being there is not fatal, staying away is.
 */
export class Dialer {
  readonly servers: readonly NatsServerAddress[];
  readonly #options: DialerOptions;
  readonly #deps: DialerDeps;
  readonly #log: Log;
  readonly #tried = Promise.withResolvers<void>();
  /** Resolves when every server has been tried once, or one was reached. */
  readonly tried = this.#tried.promise;
  #discovered: readonly NatsServerAddress[] = [];
  #attempt = 0;
  #next: number;
  #wasEverUp = false;
  #wake: (() => void) | null = null;

  constructor(options: DialerOptions, deps: DialerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#log = deps.log;
    this.servers = options.servers;
    this.#next = options.isOrdered ? 0 : Math.floor(deps.random() * options.servers.length);
  }

  /** @returns null when there will be no connection: stopped, or given up */
  async open(signal: AbortSignal): Promise<Opened | null> {
    for (;;) {
      const opened = await this.#tryAll(signal);
      this.#tried.resolve();
      if (signal.aborted) return null;
      if (opened !== null) return this.#welcome(opened);
      if (this.#isOver()) {
        this.#deps.onFatal("failed to reconnect to NATS: attempts exceeded");
        return null;
      }
      await this.#pause(signal);
    }
  }

  /** Cuts the present pause short. */
  retryNow(): void {
    this.#wake?.();
  }

  /** A connection that worked is gone: its server may have told of others in the meantime. */
  lost(connection: NatsConnection): void {
    const known = new Set(this.servers.map(({ hostPort }) => hostPort));
    const [pattern] = this.servers;
    const urls = connection.info?.connect_urls ?? [];
    if (pattern === undefined) return;
    this.#discovered = urls
      .filter((hostPort) => !known.has(hostPort))
      .slice(0, MAX_DISCOVERED)
      .map((hostPort) => ({ ...pattern, hostPort, url: `nats://${hostPort}` }));
  }

  async #tryAll(signal: AbortSignal): Promise<Opened | null> {
    const all = [...this.servers, ...this.#discovered];
    for (let count = 0; count < all.length && !signal.aborted; count += 1) {
      const address = all[this.#next % all.length];
      if (address === undefined) break;
      const connection = await this.#tryOne(address, signal);
      if (connection !== null) return { connection, address };
      this.#next = (this.#next + 1) % all.length;
    }
    return null;
  }

  /** A try cannot be broken off: when nobody waits any more, its connection is closed as soon as it is there. */
  async #tryOne(address: NatsServerAddress, signal: AbortSignal): Promise<NatsConnection | null> {
    const stopped = Promise.withResolvers<null>();
    const stop = () => stopped.resolve(null);
    signal.addEventListener("abort", stop, { once: true });
    const dialled = dial(address, {
      name: this.#options.name,
      timeoutMs: DIAL_TIMEOUT_MS,
      pingIntervalMs: this.#options.pingIntervalMs ?? PING_INTERVAL_MS,
    }).then(
      async (connection) => {
        if (!signal.aborted) return connection;
        await connection.close();
        return null;
      },
      (error: unknown) => {
        this.#report(address, error);
        return null;
      },
    );
    const connection = await Promise.race([dialled, stopped.promise]);
    signal.removeEventListener("abort", stop);
    return connection;
  }

  /** The first failure in a row is told, the others are for those who look closely. */
  #report({ url }: NatsServerAddress, error: unknown): void {
    const attributes = { url, error: errorText(error) };
    if (this.#attempt === 0 && !this.#wasEverUp) this.#log.warn("connection failed", attributes);
    else this.#log.debug("failed to connect to NATS", attributes);
  }

  #welcome(opened: Opened): Opened {
    const { url } = opened.address;
    if (this.#wasEverUp || this.#attempt > 0) this.#log.info("connection restored", { url });
    else this.#log.debug("connected to NATS", { url });
    this.#attempt = 0;
    this.#wasEverUp = true;
    return opened;
  }

  #isOver(): boolean {
    const { maxReconnectAttempts } = this.#options;
    return this.#wasEverUp && maxReconnectAttempts >= 0 && this.#attempt >= maxReconnectAttempts;
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const delayMs = retryDelayMs(this.#attempt, this.#deps.random(), this.#wasEverUp);
    this.#attempt += 1;
    this.#log.debug(`next NATS connection attempt in ${new Duration(delayMs)}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#deps.clock.after(delayMs, resolve);
    this.#wake = resolve;
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    this.#wake = null;
    timer.cancel();
  }
}
