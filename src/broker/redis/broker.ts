import type { RedisCommands } from "../../clients/redis/commands.ts";
import type { StreamPosition } from "../../messages/command.ts";
import { encodeNodePublication, openNodePublication } from "../../messages/node-message.ts";
import type { Publication, PublicationSource } from "../../messages/publication.ts";
import type { RemoteCommand } from "../../messages/remote-command.ts";
import { errorText, ServerError } from "../../messages/server-error.ts";
import { StreamMatcher } from "../../messages/stream-matcher.ts";
import type { StreamRule } from "../../messages/stream-rules.ts";
import type { Broker, History } from "../../ports/broker.ts";
import type { Log } from "../../ports/log.ts";
import type { PubSub } from "../../ports/pubsub.ts";
import type { Service } from "../../ports/service.ts";
import type { StreamTail } from "../../ports/stream-tail.ts";
import {
  historyAfter,
  historyKeys,
  historyNotOlder,
  lastPosition,
  newestPosition,
  restOfEarlier,
  restOfEpoch,
} from "./history.ts";
import { PUBLISH_SCRIPT } from "./publish-script.ts";
import { SharedReads } from "./shared-reads.ts";

/** Limits hold per stream; 0 messages or seconds keep nothing but still give positions. The first rule that matches overrides them. */
export interface RedisBrokerOptions {
  readonly historyLimit: number;
  readonly historyTtlS: number;
  /** For the log only. */
  readonly sessionsTtlS: number;
  readonly presenceTtlS: number;
  /** Where Redis is, for the log. */
  readonly hosts: string;
  readonly streamRules: readonly StreamRule[];
  /** True when nodes hear each other through this very Redis: storing and publishing are then one step. */
  readonly isPubSubHere: boolean;
}

/** `randomId` gives an unguessable text of that length over `_-0-9a-zA-Z`: an epoch's name. */
export interface RedisBrokerDeps {
  readonly redis: RedisCommands;
  readonly pubsub: PubSub;
  readonly randomId: (length: number) => string;
  readonly log: Log;
}

interface Limits {
  readonly limit: string;
  readonly ttlS: string;
}

const EPOCH_LENGTH = 4;

/**
 * History in Redis 6.2 or newer, Valkey included; positions mean the same on every node. While Redis is away publications
 * are refused and history is not to be had. The time to live is that of a whole stream, from its last message on.
 * Source: spec "messaging", section 15; docs/redis.md.
 */
export class RedisBroker implements Broker, StreamTail, Service {
  readonly name = "Redis broker";
  readonly #options: RedisBrokerOptions;
  readonly #redis: RedisCommands;
  readonly #pubsub: PubSub;
  readonly #randomId: (length: number) => string;
  readonly #log: Log;
  /** null: the stream keeps no history. */
  readonly #limits: StreamMatcher<Limits | null>;
  readonly #reads = new SharedReads<History>();

  constructor(options: RedisBrokerOptions, deps: RedisBrokerDeps) {
    this.#options = options;
    this.#redis = deps.redis;
    this.#pubsub = deps.pubsub;
    this.#randomId = deps.randomId;
    this.#log = deps.log;
    this.#limits = new StreamMatcher(options.streamRules, (rule) => limitsOf(rule, options));
  }

  async start(): Promise<void> {
    const { hosts, historyLimit, historyTtlS, sessionsTtlS, presenceTtlS } = this.#options;
    const history = `history limit: ${historyLimit}, history ttl: ${historyTtlS}s`;
    const others = `sessions ttl: ${sessionsTtlS}s, presence ttl: ${presenceTtlS}s`;
    this.#log.info(`Using Redis broker at ${hosts} (${history}, ${others})`);
  }

  async stop(_signal: AbortSignal): Promise<void> {
    // The connection is not its own: whoever created it ends it.
  }

  async publish(publication: Publication, source?: PublicationSource): Promise<void> {
    const isTransient = publication.meta?.transient === true;
    const limits = isTransient ? null : this.#limits.settingsOf(publication.stream);
    try {
      if (limits !== null) await this.#store(publication, limits, source);
      else if (this.#options.isPubSubHere) await this.#pass(publication);
      else await this.#pubsub.publish(publication);
    } catch (error) {
      throw publishFailure(error);
    }
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
    const key = JSON.stringify([stream, position.epoch, position.offset]);
    return this.#reads.get(key, () => this.#readFrom(stream, position));
  }

  historySince(stream: string, sinceS: number): Promise<History> {
    return this.#reads.get(JSON.stringify([stream, sinceS]), () => this.#readSince(stream, sinceS));
  }

  async peak(stream: string): Promise<StreamPosition | null> {
    const { meta, history } = historyKeys(stream);
    return newestPosition(
      await this.#redis.transaction([
        ["hmget", meta, "e", "r", "o"],
        ["exists", history],
      ]),
    );
  }

  /** How far a stream has come, also when nothing of it is kept. @throws {ServerError} when Redis cannot be asked */
  async position(stream: string): Promise<StreamPosition | null> {
    return lastPosition(await this.#redis.call("hmget", historyKeys(stream).meta, "e", "r", "o"));
  }

  /** What is stored behind a position, up to the end of the present epoch or to its beginning; for nodes, not for clients. */
  async rest(stream: string, position: StreamPosition): Promise<History> {
    const { meta, history, earlier } = historyKeys(stream);
    try {
      const answers = await this.#redis.transaction([
        ["hmget", meta, "e", "r", "o"],
        ["xrange", history, `${position.offset + 1}-0`, "+"],
      ]);
      const rest = restOfEpoch(stream, position, answers);
      if (rest !== null) return rest;
      return restOfEarlier(stream, position, await this.#redis.call("xrange", earlier, "-", "+"));
    } catch (error) {
      return unavailable(error);
    }
  }

  async #store(
    publication: Publication,
    limits: Limits,
    source?: PublicationSource,
  ): Promise<void> {
    const { isPubSubHere } = this.#options;
    const { stream, data } = publication;
    const { meta, history, earlier } = historyKeys(stream);
    const origin = [source?.id ?? "", source?.isRepeated === true ? "1" : ""];
    const epoch = this.#randomId(EPOCH_LENGTH);
    const live = isPubSubHere ? [stream, openNodePublication(publication)] : ["", ""];
    // The tag is that of the connection the script goes to: both are taken in one step.
    const args = [epoch, this.#redis.runTag, data, limits.limit, limits.ttlS, ...live, ...origin];
    const answer = await this.#redis.script(PUBLISH_SCRIPT, [meta, history, earlier], args);
    if (isPubSubHere) {
      this.#reportRefusal(stream, answer);
      return;
    }
    await this.#pubsub.publish({ ...publication, ...parsePosition(answer) });
  }

  #reportRefusal(stream: string, answer: unknown): void {
    const refusal = Array.isArray(answer) ? answer[2] : undefined;
    if (refusal === undefined) return;
    this.#log.error("failed to publish message", { stream, error: String(refusal) });
  }

  /** On the connection of the others: what is not stored must not overtake what is. */
  async #pass(publication: Publication): Promise<void> {
    const payload = encodeNodePublication(publication);
    await this.#redis.call("publish", publication.stream, payload);
  }

  async #readFrom(stream: string, position: StreamPosition): Promise<History> {
    const { meta, history } = historyKeys(stream);
    try {
      const { runTag } = this.#redis;
      const answers = await this.#redis.transaction([
        ["hmget", meta, "e", "r", "o"],
        ["xrange", history, `${position.offset + 1}-0`, "+"],
      ]);
      return historyAfter(stream, position, runTag, answers);
    } catch (error) {
      return unavailable(error);
    }
  }

  async #readSince(stream: string, sinceS: number): Promise<History> {
    if (this.#limits.settingsOf(stream) === null) {
      return { ok: false, reason: "history is off for this stream" };
    }
    const { meta, history } = historyKeys(stream);
    try {
      const answers = await this.#redis.transaction([
        ["hmget", meta, "e", "r", "o"],
        ["xrange", history, "-", "+"],
      ]);
      return historyNotOlder(stream, sinceS, answers);
    } catch (error) {
      return unavailable(error);
    }
  }
}

function limitsOf(rule: StreamRule | null, options: RedisBrokerOptions): Limits | null {
  if (rule?.history === false) return null;
  return {
    limit: String(rule?.historyLimit ?? options.historyLimit),
    ttlS: String(rule?.historyTtlS ?? options.historyTtlS),
  };
}

function parsePosition(answer: unknown): StreamPosition {
  if (Array.isArray(answer)) return { epoch: String(answer[0]), offset: Number(answer[1]) };
  throw new ServerError("redis_reply", "the publish script gave no position");
}

/** Also for a connection that broke after sending: nobody knows then whether it was stored. */
function publishFailure(cause: unknown): ServerError {
  if (cause instanceof ServerError && cause.code === "publish_failed") return cause;
  const text = `failed to store in Redis: ${errorText(cause)}`;
  return new ServerError("publish_failed", text, { cause });
}

function unavailable(error: unknown): History {
  return { ok: false, reason: `Redis cannot be read: ${errorText(error)}` };
}
