import type { Msg, MsgHdrs, NatsConnection } from "nats";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Service } from "../../ports/service.ts";
import { Dialer } from "./dialer.ts";
import { natsError, toNatsError } from "./nats-error.ts";
import { RoundTrips } from "./round-trips.ts";
import { Sender } from "./sender.ts";
import { describeServers, parseServerAddresses } from "./server-address.ts";
import { LinkSubscription, type MessageHandler, type NatsSubscription } from "./subscription.ts";

/**
 * Where to connect to. `isOrdered`: servers are tried in the order given, otherwise from a random one on.
 * `maxReconnectAttempts`: rounds of failures survived once a connection was lost, the next one is final; -1 never gives up.
 */
export interface NatsLinkOptions {
  /** For log lines and the server's list of clients. */
  readonly name: string;
  readonly servers: readonly string[];
  readonly isOrdered: boolean;
  readonly maxReconnectAttempts: number;
  /** How often an idle server is asked whether it is there; 5 s unless given. The third question unanswered ends the connection. */
  readonly pingIntervalMs?: number;
}

/**
 * `random` gives numbers from 0 up to, not including, 1. `log` names the component.
 * `onFatal` is called once, when NATS stayed away for too long: the process should end with this message.
 */
export interface NatsLinkDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly onFatal: (message: string) => void;
  /** Takes what to call when a server that was away is known to be back, to save the rest of a pause. */
  readonly onServerBack?: ServerBack;
}

/** See `NatsLinkDeps`. */
export type ServerBack = (retryNow: () => void) => void;

/** A question to the server, or to whoever listens on a subject. */
export interface NatsRequest {
  readonly payload?: string | Uint8Array;
  readonly headers?: MsgHdrs;
  readonly timeoutMs: number;
}

const START_LIMIT_MS = 1000;
const STOP_LIMIT_MS = 1000;
const NO_TIME = "NATS had not taken it before the end";

/**
 * One connection to NATS that comes back: subscriptions are made again, then what was published meanwhile goes out, in
 * order, up to 8 MiB. At most once: what a connection had taken when it broke is lost.
 * A server that hangs is noticed after 10 to 15 s. Source: spec "messaging", section 9.1; docs/nats.md.
 */
export class NatsLink implements Service {
  readonly name: string;
  /** Where it connects to, without credentials; for start lines. */
  readonly servers: string;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #dialer: Dialer;
  readonly #sender: Sender;
  readonly #subscriptions = new Set<LinkSubscription>();
  readonly #watchers = new Set<(isUp: boolean) => void>();
  readonly #stopping = new AbortController();
  #loop: Promise<void> | null = null;
  #live: { readonly connection: NatsConnection; readonly roundTrips: RoundTrips } | null = null;

  /** @throws {ServerError} `invalid_nats_url` */
  constructor(options: NatsLinkOptions, deps: NatsLinkDeps) {
    const servers = parseServerAddresses(options.servers);
    this.name = options.name;
    this.servers = describeServers(servers);
    this.#log = deps.log;
    this.#clock = deps.clock;
    this.#dialer = new Dialer({ ...options, servers }, deps);
    this.#sender = new Sender(deps);
    deps.onServerBack?.(() => this.#dialer.retryNow());
  }

  get isUp(): boolean {
    return this.#live !== null;
  }

  /** The largest message that the server takes; no limit is known while there is no connection. */
  get maxPayloadBytes(): number {
    return this.#live?.connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  }

  /** Resolves when NATS is there or was found to be away, after a second at the latest. */
  async start(): Promise<void> {
    this.#loop ??= this.#keepAlive();
    const limit = this.#limit(START_LIMIT_MS);
    await Promise.race([this.#dialer.tried, limit.promise]);
    limit.cancel();
  }

  /** Lets go out what was published, within a second, and disconnects; what still waits is lost, and the log says so. */
  async stop(signal: AbortSignal): Promise<void> {
    const live = this.#live;
    const limit = this.#limit(STOP_LIMIT_MS, signal);
    if (live !== null) await Promise.race([settled(live.roundTrips.confirm()), limit.promise]);
    this.#stopping.abort();
    for (const subscription of [...this.#subscriptions]) subscription.close();
    const closed = live === null ? Promise.resolve() : settled(live.connection.close());
    await Promise.race([Promise.all([closed, this.#loop]), limit.promise]);
    limit.cancel();
    const dropped = this.#sender.close();
    if (dropped > 0) this.#log.error("failed to publish message", { dropped, error: NO_TIME });
  }

  /**
   * Hands a message over to the connection, or keeps it for the next one.
   * @param subject must be one: see `natsSubject`
   * @throws {ServerError} `nats_payload_too_large`, `nats_outbox_full`
   */
  publish(subject: string, text: string): void {
    this.#sender.publish(subject, text);
  }

  /** Subscribes now and on every later connection. @param subject must be one: see `natsSubject` */
  subscribe(subject: string, handler: MessageHandler): NatsSubscription {
    const subscription = new LinkSubscription(subject, {
      handler,
      onClosed: (closed) => void this.#subscriptions.delete(closed),
      log: this.#log,
    });
    this.#subscriptions.add(subscription);
    if (this.#stopping.signal.aborted) subscription.close();
    else if (this.#live !== null) this.#attach([subscription], this.#live);
    return subscription;
  }

  /**
   * Resolves when the server has done all that was asked of it before: subscribed, unsubscribed, taken messages.
   * @throws {ServerError} `nats_unavailable`, `nats_timeout`
   */
  async confirm(): Promise<void> {
    if (this.#live === null) throw natsError("nats_unavailable", "no connection to NATS");
    await this.#live.roundTrips.confirm();
  }

  /**
   * @throws {ServerError} `nats_unavailable` (also when nobody listens there), `nats_timeout`, `nats_refused`,
   *   `nats_payload_too_large`
   */
  async request(subject: string, { payload, headers, timeoutMs }: NatsRequest): Promise<Msg> {
    if (this.#live === null) throw natsError("nats_unavailable", "no connection to NATS");
    const { connection } = this.#live;
    const options = { timeout: timeoutMs };
    try {
      return await connection.request(
        subject,
        payload,
        headers === undefined ? options : { ...options, headers },
      );
    } catch (error) {
      // The library calls it a timeout when the connection was lost meanwhile.
      if (!connection.isClosed()) throw toNatsError(error);
      throw natsError("nats_unavailable", "the connection to NATS was lost");
    }
  }

  /** Calls `watcher` with true whenever there is a fresh connection, with false when it is gone. @returns ends it */
  watch(watcher: (isUp: boolean) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  async #keepAlive(): Promise<void> {
    for (;;) {
      const opened = await this.#dialer.open(this.#stopping.signal);
      if (opened === null) return;
      const reason = await this.#work(opened.connection);
      if (this.#stopping.signal.aborted) return;
      this.#dialer.lost(opened.connection);
      this.#log.warn("connection failed", { url: opened.address.url, error: reason });
    }
  }

  /** @returns why the connection ended */
  async #work(connection: NatsConnection): Promise<string> {
    const live = { connection, roundTrips: new RoundTrips(connection, { clock: this.#clock }) };
    // Ends with the connection.
    void this.#reportErrors(connection);
    this.#live = live;
    this.#attach([...this.#subscriptions], live);
    this.#sender.attach(live);
    for (const watcher of this.#watchers) watcher(true);
    const reason = await connection.closed();
    this.#live = null;
    this.#sender.detach();
    live.roundTrips.end();
    for (const subscription of this.#subscriptions) subscription.detach();
    for (const watcher of this.#watchers) watcher(false);
    return reason instanceof Error ? toNatsError(reason).message : "connection closed";
  }

  #attach(
    subscriptions: readonly LinkSubscription[],
    { connection, roundTrips }: { connection: NatsConnection; roundTrips: RoundTrips },
  ): void {
    for (const subscription of subscriptions) subscription.attach(connection);
    roundTrips.confirm().then(
      () => {
        for (const subscription of subscriptions) subscription.settle();
      },
      (error: unknown) => {
        // Without a connection they go on waiting for the next one.
        if (this.#live?.connection !== connection) return;
        for (const subscription of subscriptions) subscription.fail(toNatsError(error));
      },
    );
  }

  async #reportErrors(connection: NatsConnection): Promise<void> {
    for await (const { type, data } of connection.status()) {
      if (type === "error") this.#log.warn("NATS error", { error: String(data) });
    }
  }

  #limit(
    ms: number,
    signal?: AbortSignal,
  ): { readonly promise: Promise<void>; readonly cancel: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const over = () => resolve();
    const timer = this.#clock.after(ms, over);
    signal?.addEventListener("abort", over, { once: true });
    if (signal?.aborted === true) over();
    return {
      promise,
      cancel: () => {
        timer.cancel();
        signal?.removeEventListener("abort", over);
      },
    };
  }
}

async function settled(promise: Promise<unknown>): Promise<void> {
  try {
    await promise;
  } catch {
    // A connection on its way out: there is nobody left to tell.
  }
}
