import type { StreamPosition } from "../messages/command.ts";
import type { Publication } from "../messages/publication.ts";
import type { RemoteCommand } from "../messages/remote-command.ts";
import { StreamMatcher } from "../messages/stream-matcher.ts";
import type { StreamRule } from "../messages/stream-rules.ts";
import type { Broker, History } from "../ports/broker.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { PubSub } from "../ports/pubsub.ts";
import type { Service } from "../ports/service.ts";
import type { StreamTail } from "../ports/stream-tail.ts";
import { MemoryStream, type StreamLimits } from "./memory-stream.ts";

/** Limits hold per stream; 0 messages keep nothing but still give positions. The first rule that matches a name overrides them. */
export interface MemoryBrokerOptions {
  readonly historyLimit: number;
  readonly historyTtlS: number;
  /** Told in the start line only, like the next one. */
  readonly sessionsTtlS: number;
  readonly presenceTtlS: number;
  readonly streamRules: readonly StreamRule[];
}

/** `randomId` gives an unguessable text of that length over `_-0-9a-zA-Z`; it is asked once, for the epoch. */
export interface MemoryBrokerDeps {
  readonly clock: Clock;
  readonly pubsub: PubSub;
  readonly log: Log;
  readonly randomId: (length: number) => string;
}

const EPOCH_LENGTH = 4;
const EXPIRE_EVERY_MS = 1000;

/**
 * History in this process: positions mean nothing to other nodes and are gone with a restart, which the epoch tells.
 * Reads do not look at the time: messages vanish at the tick, up to a second late.
 * Source: spec "messaging", section 11; docs/broker.md.
 */
export class MemoryBroker implements Broker, StreamTail, Service {
  readonly name = "memory broker";
  /** Four characters, new with every process. */
  readonly epoch: string;
  readonly #options: MemoryBrokerOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #pubsub: PubSub;
  /** null: the stream keeps no history. */
  readonly #limits: StreamMatcher<StreamLimits | null>;
  readonly #streams = new Map<string, MemoryStream>();
  #tick: Timer | null = null;

  constructor(options: MemoryBrokerOptions, deps: MemoryBrokerDeps) {
    this.#options = options;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#pubsub = deps.pubsub;
    this.epoch = deps.randomId(EPOCH_LENGTH);
    this.#limits = new StreamMatcher(options.streamRules, (rule) => limitsOf(rule, options));
  }

  async start(): Promise<void> {
    const { historyLimit, historyTtlS, sessionsTtlS, presenceTtlS } = this.#options;
    this.#log.info(
      `Using in-memory broker (epoch: ${this.epoch}, history limit: ${historyLimit}, ` +
        `history ttl: ${historyTtlS}s, sessions ttl: ${sessionsTtlS}s, presence ttl: ${presenceTtlS}s)`,
    );
    this.#schedule();
  }

  async stop(_signal: AbortSignal): Promise<void> {
    this.#tick?.cancel();
    this.#tick = null;
  }

  publish(publication: Publication): Promise<void> {
    const stream = publication.meta?.transient === true ? null : this.#open(publication.stream);
    if (stream === null) return this.#pubsub.publish(publication);
    const stored = stream.add(publication.data, this.#nowS());
    const { meta } = publication;
    return this.#pubsub.publish(meta === null ? stored : { ...stored, meta });
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

  async historyFrom(name: string, position: StreamPosition): Promise<History> {
    if (position.epoch !== this.epoch)
      return refused(`epoch is ${this.epoch}, not ${position.epoch}`);
    const stream = this.#streams.get(name);
    if (stream === undefined) return refused("stream not found");
    const found = stream.after(position.offset);
    return typeof found === "string" ? refused(found) : { ok: true, publications: found };
  }

  async historySince(name: string, sinceS: number): Promise<History> {
    const stream = this.#streams.get(name);
    if (stream !== undefined) return { ok: true, publications: stream.since(sinceS) };
    if (this.#limits.settingsOf(name) === null) return refused("history is off for this stream");
    return { ok: true, publications: [] };
  }

  async peak(name: string): Promise<StreamPosition | null> {
    const offset = this.#streams.get(name)?.peak() ?? 0;
    return offset === 0 ? null : { epoch: this.epoch, offset };
  }

  #open(name: string): MemoryStream | null {
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const limits = this.#limits.settingsOf(name);
    if (limits === null) return null;
    const stream = new MemoryStream(name, this.epoch, limits);
    this.#streams.set(name, stream);
    return stream;
  }

  #schedule(): void {
    this.#tick = this.#clock.after(EXPIRE_EVERY_MS, () => {
      this.#expire();
      this.#schedule();
    });
  }

  #expire(): void {
    const nowS = this.#nowS();
    for (const [name, stream] of this.#streams) {
      if (stream.isOver(nowS)) this.#streams.delete(name);
      else stream.expire(nowS);
    }
  }

  #nowS(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}

function limitsOf(rule: StreamRule | null, options: MemoryBrokerOptions): StreamLimits | null {
  if (rule?.history === false) return null;
  return {
    limit: rule?.historyLimit ?? options.historyLimit,
    ttlS: rule?.historyTtlS ?? options.historyTtlS,
  };
}

function refused(reason: string): History {
  return { ok: false, reason };
}
