import type { RedisConnection } from "../clients/redis/connection.ts";
import { isReply, toRedisError } from "../clients/redis/redis-error.ts";
import { errorText, ServerError } from "../messages/server-error.ts";
import type { Log } from "../ports/log.ts";
import { entriesClaimed, entriesRead, type StreamEntry } from "./redis-stream-entries.ts";

/** Whose entries are read, and as whom. */
export interface StreamGroupOptions {
  readonly stream: string;
  readonly group: string;
  readonly consumer: string;
  /** How long a read waits for entries; also how long an entry may be with a consumer before others take it over. */
  readonly blockMs: number;
}

/** What a group needs of its connections. */
export type GroupConnection = Pick<RedisConnection, "call">;

/** Read and claimed at once: large enough for one XACK and XDEL to cost nothing per entry, short enough for a turn. */
const COUNT = "256";
const DEAD_AFTER_MS = 3_600_000;

/**
 * The commands on one consumer group, on two connections to one server: one waits for entries, the other one tells what
 * became of them. Failures of reading end both; their messages are those operators look for.
 */
export class StreamGroup {
  readonly #options: StreamGroupOptions;
  readonly #reader: GroupConnection;
  readonly #writer: GroupConnection;
  readonly #log: Log;
  #readerId: string | null = null;

  constructor(
    options: StreamGroupOptions,
    deps: { readonly reader: GroupConnection; readonly writer: GroupConnection; readonly log: Log },
  ) {
    this.#options = options;
    this.#reader = deps.reader;
    this.#writer = deps.writer;
    this.#log = deps.log;
  }

  /**
   * Makes sure that the group is there. Entries older than the group are never read.
   * @throws {ServerError} `redis_group_failed`
   */
  async create(): Promise<void> {
    const { stream, group } = this.#options;
    try {
      await this.#writer.call("xgroup", "create", stream, group, "$", "MKSTREAM");
    } catch (error) {
      if (!isReply(error, "BUSYGROUP")) {
        throw failure("redis_group_failed", "failed to create consumer group", error);
      }
      this.#log.debug("consumer group exists");
    }
    await this.#buryTheDead();
    this.#readerId = await this.#clientId();
  }

  /** New entries; none when the time is over. @throws {ServerError} `redis_read_failed` */
  async read(): Promise<readonly StreamEntry[]> {
    const { stream, group, consumer, blockMs } = this.#options;
    const block = String(Math.max(1, Math.round(blockMs)));
    try {
      const as = ["GROUP", group, consumer, "COUNT", COUNT, "BLOCK", block] as const;
      return entriesRead(await this.#reader.call("xreadgroup", ...as, "STREAMS", stream, ">"));
    } catch (error) {
      throw failure("redis_read_failed", "failed to read from Redis stream", error);
    }
  }

  /**
   * Entries that were with a consumer for too long, this one included; they are ours now.
   * @param cursor where to go on; null from the beginning
   * @throws {ServerError} `redis_claim_failed`
   */
  async claim(cursor: string | null): Promise<ReturnType<typeof entriesClaimed>> {
    const { stream, group, consumer, blockMs } = this.#options;
    const idle = String(Math.round(blockMs));
    try {
      const as = [stream, group, consumer, idle, cursor ?? "0-0", "COUNT", COUNT] as const;
      return entriesClaimed(await this.#writer.call("xautoclaim", ...as));
    } catch (error) {
      throw failure("redis_claim_failed", "failed to claim from Redis stream", error);
    }
  }

  /**
   * Takes handled entries out of the group and the stream, whoever has them. Never rejects.
   * @returns false when Redis may or may not have done it: the connection broke. A refusal is certain: they come again
   */
  async acknowledge(ids: readonly string[]): Promise<boolean> {
    if (ids.length === 0) return true;
    const { stream, group } = this.#options;
    try {
      await Promise.all([
        this.#writer.call("xack", stream, group, ...ids),
        this.#writer.call("xdel", stream, ...ids),
      ]);
      return true;
    } catch (error) {
      this.#log.error("failed to ack message", { error: errorText(error) });
      return toRedisError(error).code === "redis_reply";
    }
  }

  /** Ends a read that waits, without an answer. Never rejects: without the right to do so, the read takes its time. */
  async interrupt(): Promise<void> {
    if (this.#readerId === null) return;
    try {
      await this.#writer.call("client", "unblock", this.#readerId);
    } catch (error) {
      this.#log.debug("failed to interrupt the read", { error: errorText(error) });
    }
  }

  /** Leaves the group, unless entries are still with this consumer: with it they would be lost to the others. */
  async leave(): Promise<void> {
    const { stream, group, consumer } = this.#options;
    try {
      const pending = await this.#writer.call("xpending", stream, group, "-", "+", "1", consumer);
      if (Array.isArray(pending) && pending.length > 0) return;
      await this.#writer.call("xgroup", "delconsumer", stream, group, consumer);
    } catch (error) {
      this.#log.debug("failed to leave the consumer group", { error: errorText(error) });
    }
  }

  /** Names of crashed nodes stay in the group for ever otherwise. */
  async #buryTheDead(): Promise<void> {
    const { stream, group } = this.#options;
    try {
      const answer = await this.#writer.call("xinfo", "consumers", stream, group);
      for (const fields of Array.isArray(answer) ? answer : []) {
        const consumer = parsePairs(fields);
        const isDead = Number(consumer.get("idle")) > DEAD_AFTER_MS;
        if (!isDead || consumer.get("pending") !== 0) continue;
        await this.#writer.call(
          "xgroup",
          "delconsumer",
          stream,
          group,
          String(consumer.get("name")),
        );
      }
    } catch (error) {
      if (!isReply(error, "NOPERM")) throw failure("redis_group_failed", GROUP_UNREADABLE, error);
    }
  }

  async #clientId(): Promise<string | null> {
    try {
      return String(await this.#reader.call("client", "id"));
    } catch (error) {
      this.#log.debug("the read cannot be interrupted", { error: errorText(error) });
      return null;
    }
  }
}

const GROUP_UNREADABLE = "failed to look into consumer group";

function failure(code: string, message: string, cause: unknown): ServerError {
  return new ServerError(code, message, { cause });
}

function parsePairs(fields: unknown): ReadonlyMap<string, unknown> {
  const pairs = new Map<string, unknown>();
  if (!Array.isArray(fields)) return pairs;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    pairs.set(String(fields[index]), fields[index + 1]);
  }
  return pairs;
}
