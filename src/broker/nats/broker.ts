import type { JetStream } from "../../clients/nats/jetstream.ts";
import { KeyedTurns } from "../../clients/nats/keyed-turns.ts";
import type { NatsLink } from "../../clients/nats/link.ts";
import type { JetStreamReadiness } from "../../clients/nats/readiness.ts";
import type { StreamPosition } from "../../messages/command.ts";
import type { Publication } from "../../messages/publication.ts";
import type { RemoteCommand } from "../../messages/remote-command.ts";
import { errorText, ServerError } from "../../messages/server-error.ts";
import { StreamMatcher } from "../../messages/stream-matcher.ts";
import type { StreamRule } from "../../messages/stream-rules.ts";
import { truncate } from "../../messages/truncate.ts";
import type { Broker, History } from "../../ports/broker.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { PubSub } from "../../ports/pubsub.ts";
import type { Service } from "../../ports/service.ts";
import type { StreamTail } from "../../ports/stream-tail.ts";
import { Backlog } from "./backlog.ts";
import { NatsEpoch } from "./epoch.ts";
import { excessOf } from "./excess.ts";
import { NatsHistory } from "./history.ts";
import type { HistoryCopy } from "./history-copy.ts";
import { type HistoryLimits, limitsOf, longestTtlS } from "./history-limits.ts";
import { StoredStreams } from "./stored-streams.ts";
import type { StreamEnd } from "./stream-progress.ts";

/** Limits hold per stream; 0 messages keep nothing but still give positions. The first rule that matches overrides them. */
export interface NatsBrokerOptions {
  readonly historyLimit: number;
  readonly historyTtlS: number;
  readonly sessionsTtlS: number;
  readonly streamRules: readonly StreamRule[];
  /** How many servers of a JetStream cluster keep each message: 1, 3 or 5. */
  readonly replicas: number;
}

/**
 * `link` and `readiness` are started and stopped by whoever made them, `readiness` after this broker.
 * `randomId` gives an unguessable text of that length over `_-0-9a-zA-Z`.
 */
export interface NatsBrokerDeps {
  readonly link: NatsLink;
  readonly jetstream: JetStream;
  readonly readiness: JetStreamReadiness;
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly randomId: (length: number) => string;
  readonly log: Log;
}

const EPOCH_FACTOR = 10;

/**
 * History in NATS JetStream, the same for all nodes; positions are JetStream's own numbers. While JetStream is away
 * publications fail and history is not to be had. Source: spec "messaging", section 13; docs/nats.md.
 */
export class NatsBroker implements Broker, StreamTail, Service {
  readonly name = "NATS broker";
  readonly #options: NatsBrokerOptions;
  readonly #link: NatsLink;
  readonly #readiness: JetStreamReadiness;
  readonly #pubsub: PubSub;
  /** Without attributes: the start line has none. */
  readonly #startLog: Log;
  readonly #log: Log;
  readonly #limits: StreamMatcher<HistoryLimits | null>;
  readonly #epoch: NatsEpoch;
  readonly #streams: StoredStreams;
  readonly #history: NatsHistory;
  readonly #turns = new KeyedTurns();
  readonly #backlog: Backlog;

  constructor(options: NatsBrokerOptions, deps: NatsBrokerDeps) {
    const { clock, jetstream } = deps;
    const defaults = { limit: options.historyLimit, ttlS: options.historyTtlS };
    const longestS = Math.max(
      longestTtlS(options.streamRules, defaults.ttlS),
      options.sessionsTtlS,
    );
    this.#options = options;
    this.#link = deps.link;
    this.#readiness = deps.readiness;
    this.#pubsub = deps.pubsub;
    this.#startLog = deps.log;
    this.#log = deps.log.with({ context: "broker", provider: "nats" });
    const log = this.#log;
    this.#limits = new StreamMatcher(options.streamRules, (rule) => limitsOf(rule, defaults));
    this.#epoch = new NatsEpoch(
      { ttlMs: Math.max(1, longestS) * EPOCH_FACTOR * 1000, replicas: options.replicas },
      { ...deps, log },
    );
    this.#streams = new StoredStreams(options.replicas, { jetstream, epoch: this.#epoch, log });
    this.#history = new NatsHistory({ jetstream, clock, epoch: () => this.#epoch.confirmed() });
    this.#backlog = new Backlog({ clock, log });
    this.#readiness.add(
      () => this.#epoch.open(),
      () => this.#becomeReady(),
    );
  }

  /** Does not wait for JetStream. */
  async start(): Promise<void> {
    const { historyLimit, historyTtlS, sessionsTtlS } = this.#options;
    this.#startLog.info(
      `Using NATS broker: ${this.#link.servers} (history limit: ${historyLimit}, ` +
        `history ttl: ${historyTtlS}s, sessions ttl: ${sessionsTtlS}s)`,
    );
    this.#history.start();
  }

  /** Waits for what is being stored, as long as `signal` lets it. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#backlog.drop();
    await this.#turns.settle(signal);
    this.#history.stop();
    this.#epoch.close();
  }

  /**
   * A message that NATS will never take is logged and dropped: sending it again cannot help.
   * @throws {ServerError} `publish_failed`
   */
  publish(publication: Publication): Promise<void> {
    const limits = this.#limitsFor(publication);
    if (limits === null || this.#readiness.isReady) return this.#publish(publication, limits);
    return this.#backlog.add(publication);
  }

  command(remote: RemoteCommand): Promise<void> {
    return this.#pubsub.command(remote);
  }

  subscribe(stream: string): Promise<void> {
    return this.#pubsub.subscribe(stream);
  }

  unsubscribe(stream: string): Promise<void> {
    return this.#pubsub.unsubscribe(stream);
  }

  historyFrom(stream: string, position: StreamPosition): Promise<History> {
    return this.#answer(stream, (copy, { limit }) => {
      if (copy === null) return "stream not found";
      if (position.epoch !== copy.epoch) return `epoch is ${copy.epoch}, not ${position.epoch}`;
      // One message is kept where none should be: it must not be seen.
      if (limit === 0 && position.offset < copy.last) return "no messages kept";
      return copy.after(position.offset);
    });
  }

  historySince(stream: string, sinceS: number): Promise<History> {
    return this.#answer(stream, (copy, { limit }) =>
      copy === null || limit === 0 ? [] : copy.since(sinceS),
    );
  }

  /** @throws {ServerError} when JetStream cannot be asked */
  async peak(stream: string): Promise<StreamPosition | null> {
    const limits = this.#limits.settingsOf(stream);
    if (limits === null || limits.limit === 0) return null;
    await this.#readiness.wait();
    const copy = await this.#history.read(stream);
    const newest = copy?.since(0).at(-1);
    return newest === undefined ? null : { epoch: newest.epoch, offset: newest.offset };
  }

  /** How far a stream is, for whoever looks for gaps; null when none of it can be read again. @throws what `JetStream` throws */
  async end(stream: string): Promise<StreamEnd | null> {
    if ((this.#limits.settingsOf(stream)?.limit ?? 0) === 0) return null;
    await this.#readiness.wait();
    return this.#history.end(stream);
  }

  /** What is stored of a stream that has an `end`. @throws what `JetStream` throws */
  async copy(stream: string): Promise<HistoryCopy | null> {
    await this.#readiness.wait();
    return this.#history.read(stream);
  }

  #limitsFor({ stream, meta }: Publication): HistoryLimits | null {
    return meta?.transient === true ? null : this.#limits.settingsOf(stream);
  }

  #publish(publication: Publication, limits: HistoryLimits | null): Promise<void> {
    const told = limits === null ? Promise.resolve(publication) : this.#store(publication, limits);
    // Its failure is told below, when its turn has come.
    told.catch(() => undefined);
    return this.#turns.run(publication.stream, async () => {
      const message = await told;
      if (message !== null) await this.#pubsub.publish(message);
    });
  }

  /** @returns null when it was dropped */
  async #store(publication: Publication, limits: HistoryLimits): Promise<Publication | null> {
    const { stream, data, meta } = publication;
    const excess = excessOf(publication, this.#link.maxPayloadBytes);
    if (excess !== null) return this.#drop(stream, excess);
    try {
      return { stream, data, meta, ...(await this.#streams.store(stream, data, limits)) };
    } catch (error) {
      if (isTooLarge(error)) return this.#drop(stream, errorText(error));
      throw publishFailure(error);
    }
  }

  #drop(stream: string, error: string): null {
    this.#log.error("failed to publish message", { stream: truncate(stream), error });
    return null;
  }

  async #answer(
    stream: string,
    find: (copy: HistoryCopy | null, limits: HistoryLimits) => readonly Publication[] | string,
  ): Promise<History> {
    const limits = this.#limits.settingsOf(stream);
    if (limits === null) return refused("history is off for this stream");
    try {
      await this.#readiness.wait();
      const found = find(await this.#history.read(stream), limits);
      return typeof found === "string" ? refused(found) : { ok: true, publications: found };
    } catch (error) {
      return refused(`JetStream cannot be read: ${errorText(error)}`);
    }
  }

  #becomeReady(): void {
    this.#log.info("NATS broker is ready", { epoch: this.#epoch.current });
    this.#backlog.flush((publication) => this.#publish(publication, this.#limitsFor(publication)));
  }
}

/** The limit may have become smaller with another connection. */
function isTooLarge(error: unknown): boolean {
  return error instanceof ServerError && error.code === "nats_payload_too_large";
}

/** Also for a connection that broke after sending: nobody knows then whether it was stored. */
function publishFailure(cause: unknown): ServerError {
  const text = `failed to store in JetStream: ${errorText(cause)}`;
  return new ServerError("publish_failed", text, { cause });
}

function refused(reason: string): History {
  return { ok: false, reason };
}
