import type { Link } from "../clients/redis/link.ts";
import type { NodeConnection } from "../clients/redis/node-connection.ts";
import { NodeOpener } from "../clients/redis/node-opener.ts";
import { describeHosts } from "../clients/redis/target.ts";
import { errorText, type ServerError } from "../messages/server-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Service } from "../ports/service.ts";
import { HandledEntries } from "./handled-entries.ts";
import type { BroadcastHandler } from "./handler.ts";
import {
  createBroadcastLink,
  type RedisBroadcastDeps,
  type RedisBroadcastOptions,
} from "./redis-link.ts";
import type { StreamEntry } from "./redis-stream-entries.ts";
import { StreamGroup } from "./redis-stream-group.ts";

/** `readBlockMs`: how long a read waits, and after how long entries of another consumer are taken over. */
export interface RedisStreamBroadcasterOptions extends RedisBroadcastOptions {
  readonly stream: string;
  readonly group: string;
  readonly readBlockMs: number;
}

/** `randomId` gives an unguessable text of that length over `_-0-9a-zA-Z`; it is asked once, for the consumer's name. */
export interface RedisStreamBroadcasterDeps extends RedisBroadcastDeps {
  readonly handler: Pick<BroadcastHandler, "handle">;
  readonly randomId: (length: number) => string;
}

const START_LIMIT_MS = 1000;
const STOP_LIMIT_MS = 2000;
const CONSUMER_LENGTH = 6;

/**
 * Publications by XADD; each is handled by one node of the group, in order, and taken out of the stream.
 *
 *     XADD __anycable__ * payload '{"stream":"chat/42","data":"{\"text\":\"hi\"}"}'
 *
 * At least once: what a node could not handle or did not acknowledge comes again after `readBlockMs`, to any node.
 * Source: spec "messaging", section 8.2; docs/redis.md.
 */
export class RedisStreamBroadcaster implements Service {
  readonly name = "Redis stream broadcaster";
  readonly #options: RedisStreamBroadcasterOptions;
  readonly #consumer: string;
  readonly #handler: Pick<BroadcastHandler, "handle">;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #writers: NodeOpener;
  readonly #link: Link<NodeConnection>;
  readonly #stopping = new AbortController();
  readonly #handled = new HandledEntries();
  /** When entries of others were last looked for, or might have been. */
  #claimedAtMs = Number.NEGATIVE_INFINITY;
  #hasWorked = false;
  /** No more entry of the present batch is begun. */
  #isHurried = false;
  #group: StreamGroup | null = null;
  /** Settled when the present connection is no longer worked on. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: RedisStreamBroadcasterOptions, deps: RedisStreamBroadcasterDeps) {
    this.#options = options;
    this.#consumer = deps.randomId(CONSUMER_LENGTH);
    this.#handler = deps.handler;
    this.#clock = deps.clock;
    this.#log = deps.log.with({
      context: "broadcast",
      provider: "redisx",
      consumer: this.#consumer,
    });
    const { target, stream, readBlockMs } = options;
    const purpose = { isPrimary: true, isTagged: false, key: stream };
    const reading = { ...purpose, isPipelined: false, blockMs: readBlockMs };
    const readers = new NodeOpener(target, reading, deps);
    this.#writers = new NodeOpener(target, { ...purpose, isPipelined: true, blockMs: 0 }, deps);
    this.#link = createBroadcastLink(
      options,
      {
        open: (signal) => readers.open(signal),
        run: (connection, up) => this.#run(connection, up),
        lost: (error) => this.#reportLoss(error),
        exhausted: "failed to reconnect to Redis: attempts exceeded",
        isFatal: false,
      },
      { ...deps, log: this.#log },
    );
  }

  /** Resolves when Redis is there or was found to be away, after a second at the latest. */
  async start(): Promise<void> {
    const { target, stream } = this.#options;
    this.#log.info(`Starting Redis broadcaster at ${describeHosts(target)}`, { stream });
    await this.#link.start(START_LIMIT_MS);
  }

  /** Finishes the entries at hand and leaves the group, within 2 s. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#stopping.abort();
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const hurry = () => {
      this.#isHurried = true;
      resolve();
    };
    const limit = this.#clock.after(STOP_LIMIT_MS, hurry);
    signal.addEventListener("abort", hurry, { once: true });
    if (signal.aborted) hurry();
    // Reports for itself; the read ends in any case.
    void this.#group?.interrupt();
    await Promise.race([this.#work, over]);
    // An entry whose broker does not answer must not hold up the shutdown: it stays pending, for others.
    await Promise.race([this.#link.stop(), over]);
    limit.cancel();
    signal.removeEventListener("abort", hurry);
  }

  async #run(reader: NodeConnection, up: () => void): Promise<void> {
    const writer = await this.#writers.open(this.#stopping.signal);
    // The two live and die together: entries that cannot be acknowledged must not be handled.
    void writer.closed.then(() => reader.close());
    void reader.closed.then(() => writer.close());
    const { stream, group, readBlockMs } = this.#options;
    const names = { stream, group, consumer: this.#consumer, blockMs: readBlockMs };
    const entries = new StreamGroup(names, { reader, writer, log: this.#log });
    const work = Promise.withResolvers<void>();
    try {
      await entries.create();
      this.#group = entries;
      this.#work = work.promise;
      await this.#acknowledge(entries, this.#handled.ids);
      // Other nodes may come back a little later than this one, and know what became of their entries.
      if (this.#hasWorked) this.#claimedAtMs = this.#clock.now();
      this.#hasWorked = true;
      up();
      await this.#consume(entries);
      await entries.leave();
    } finally {
      this.#group = null;
      work.resolve();
      writer.close();
    }
  }

  async #consume(group: StreamGroup): Promise<void> {
    let acknowledged = Promise.resolve();
    while (!this.#stopping.signal.aborted) {
      if (this.#clock.now() - this.#claimedAtMs > this.#options.readBlockMs) {
        this.#claimedAtMs = this.#clock.now();
        // What is on its way out must not be claimed.
        await acknowledged;
        await this.#takeOver(group);
      }
      if (this.#stopping.signal.aborted) break;
      const entries = await group.read();
      const handled = await this.#handleAll(entries, false);
      await acknowledged;
      acknowledged = this.#acknowledge(group, handled);
    }
    await acknowledged;
  }

  async #takeOver(group: StreamGroup): Promise<void> {
    let cursor: string | null = null;
    do {
      const claimed = await group.claim(cursor);
      await this.#acknowledge(group, await this.#handleAll(claimed.entries, true));
      cursor = claimed.cursor;
    } while (cursor !== null && !this.#stopping.signal.aborted);
  }

  async #acknowledge(group: StreamGroup, ids: readonly string[]): Promise<void> {
    if (await group.acknowledge(ids)) this.#handled.forget(ids);
  }

  /** @returns ids of the entries that need not come again */
  async #handleAll(
    entries: readonly StreamEntry[],
    isRepeated: boolean,
  ): Promise<readonly string[]> {
    const handled: string[] = [];
    for (const { id, payload } of entries) {
      if (this.#isHurried) break;
      if (this.#handled.has(id)) this.#log.debug("entry was handled already", { id });
      else if (payload === null)
        this.#log.error(HANDLER_FAILED, { id, error: "missing payload field" });
      else if ((await this.#handler.handle(payload, { id, isRepeated })) === "failed") {
        this.#log.error(HANDLER_FAILED, { id, error: "not passed on, it will be tried again" });
        continue;
      }
      this.#handled.add(id);
      handled.push(id);
    }
    return handled;
  }

  #reportLoss(error: ServerError): void {
    const { cause } = error;
    if (STEPS.has(error.code)) this.#log.error(error.message, { error: errorText(cause) });
    else this.#log.error("failed to connect to Redis", { error: error.message });
  }
}

const HANDLER_FAILED = "Redis stream handler failed";
const STEPS = new Set(["redis_group_failed", "redis_read_failed", "redis_claim_failed"]);
