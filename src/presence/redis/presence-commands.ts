import type { RedisCommands } from "../../clients/redis/commands.ts";
import type { RedisScript } from "../../clients/redis/script.ts";
import { encodeNodePublication } from "../../messages/node-message.ts";
import { joinEvent, leaveEvent } from "../../messages/presence-event.ts";
import type { Publication } from "../../messages/publication.ts";
import type { PresenceInfo, PresenceRecord } from "../../messages/reply.ts";
import { errorText } from "../../messages/server-error.ts";
import type { Log } from "../../ports/log.ts";
import type { PubSub } from "../../ports/pubsub.ts";
import type { Membership } from "./joined-sessions.ts";
import { INDEX_KEYS, presenceKeys } from "./keys.ts";
import { INFO_SCRIPT, JOIN_SCRIPT, LEAVE_SCRIPT, SWEEP_SCRIPT, TOUCH_SCRIPT } from "./scripts.ts";

const LEASE_KEY = "ac:sweep";
const LEASE_MS = "1000";

/** `isPubSubHere`: scripts publish what they change; else this does, after them. */
export interface PresenceCommandsOptions {
  readonly isPubSubHere: boolean;
  /** Time to live of a stream's records, in milliseconds. */
  readonly ttlMs: (stream: string) => number;
  /** Names this node where nodes agree on who sweeps. */
  readonly nodeId: string;
}

/** Presence in Redis, one call per script. All methods reject with a ServerError when Redis does not answer. */
export class PresenceCommands {
  readonly #options: PresenceCommandsOptions;
  readonly #redis: RedisCommands;
  readonly #pubsub: PubSub;
  readonly #log: Log;

  constructor(
    options: PresenceCommandsOptions,
    deps: { readonly redis: RedisCommands; readonly pubsub: PubSub; readonly log: Log },
  ) {
    this.#options = options;
    this.#redis = deps.redis;
    this.#pubsub = deps.pubsub;
    this.#log = deps.log;
  }

  /** @returns false when the session is there under another id */
  async join(stream: string, sid: string, { id, info }: Membership): Promise<boolean> {
    const event = joinEvent(stream, id, info);
    const payload = encodeNodePublication(event);
    const [result] = await this.#run(JOIN_SCRIPT, stream, [sid, id, info, payload]);
    if (result === 1 && !this.#options.isPubSubHere) await this.#announce(event);
    return result !== -1;
  }

  /** @returns false when the session was not there */
  async leave(stream: string, sid: string): Promise<boolean> {
    const [result] = await this.#run(LEAVE_SCRIPT, stream, [sid]);
    return result !== 0;
  }

  /** @returns the sessions that are not there */
  async touch(stream: string, sids: readonly string[]): Promise<readonly string[]> {
    const [missing] = await this.#run(TOUCH_SCRIPT, stream, sids);
    return texts(missing);
  }

  async info(stream: string, withRecords: boolean): Promise<PresenceInfo> {
    const [total, records] = await this.#run(INFO_SCRIPT, stream, [withRecords ? "1" : "0"]);
    return { total: Number(total), records: parseRecords(records) };
  }

  /** Removes what has expired. @returns false when there is no more of it */
  async sweep(stream: string): Promise<boolean> {
    const [hasMore] = await this.#run(SWEEP_SCRIPT, stream, []);
    return hasMore === 1;
  }

  /** Streams with expired sessions, at most 100 per index; none when another node sweeps now. */
  async takeDueStreams(): Promise<readonly string[]> {
    const [lease, time] = await Promise.all([
      this.#redis.call("set", LEASE_KEY, this.#options.nodeId, "NX", "PX", LEASE_MS),
      this.#redis.call("time"),
    ]);
    if (lease !== "OK") return [];
    const nowMs = parseTimeMs(time);
    const due = await Promise.all(
      INDEX_KEYS.map((key) =>
        this.#redis.call("zrangebyscore", key, "-inf", `(${nowMs}`, "LIMIT", "0", "100"),
      ),
    );
    return due.flatMap(texts);
  }

  /** @returns the script's answers but the ids that have left, which are told here */
  async #run(
    script: RedisScript,
    stream: string,
    args: readonly string[],
  ): Promise<readonly unknown[]> {
    const { isPubSubHere, ttlMs } = this.#options;
    const ttl = String(Math.round(ttlMs(stream)));
    const fixed = [stream, isPubSubHere ? stream : "", ttl];
    const answer = await this.#redis.script(script, presenceKeys(stream), [...fixed, ...args]);
    const [result, left, ...rest] = Array.isArray(answer) ? answer : [];
    for (const id of texts(left)) await this.#announce(leaveEvent(stream, id));
    return [result, ...rest];
  }

  /** The change is made: an event that cannot be published is told and lost. */
  async #announce(event: Publication): Promise<void> {
    try {
      await this.#pubsub.publish(event);
    } catch (error) {
      this.#log.error("failed to publish presence event", {
        stream: event.stream,
        error: errorText(error),
      });
    }
  }
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function parseRecords(pairs: unknown): readonly PresenceRecord[] {
  const flat = texts(pairs);
  const records: PresenceRecord[] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    records.push({ id: flat[index] ?? "", info: flat[index + 1] ?? "" });
  }
  return records;
}

function parseTimeMs(answer: unknown): number {
  const [seconds = "0", micros = "0"] = texts(answer);
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}
