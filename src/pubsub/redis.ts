import { CommandLink } from "../clients/redis/commands.ts";
import { Link } from "../clients/redis/link.ts";
import { retryLog } from "../clients/redis/link-log.ts";
import type { NodeConnection } from "../clients/redis/node-connection.ts";
import { NodeOpener } from "../clients/redis/node-opener.ts";
import { listAddresses, type RedisTarget } from "../clients/redis/target.ts";
import { parseBroadcast } from "../messages/broadcast.ts";
import { encodeNodeCommand, encodeNodePublication } from "../messages/node-message.ts";
import type { Publication } from "../messages/publication.ts";
import type { RemoteCommand } from "../messages/remote-command.ts";
import { errorText, ServerError } from "../messages/server-error.ts";
import { truncate } from "../messages/truncate.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Delivery } from "../ports/delivery.ts";
import type { Log } from "../ports/log.ts";
import type { PubSub } from "../ports/pubsub.ts";
import type { Service } from "../ports/service.ts";
import { RedisChannels } from "./redis-channels.ts";

/** `channel` carries commands and is never left. */
export interface RedisPubSubOptions {
  readonly target: RedisTarget;
  readonly channel: string;
  readonly maxReconnectAttempts: number;
}

/** `onFatal` is called once, when Redis stayed away for too long: the process should end with this message. */
export interface RedisPubSubDeps {
  readonly delivery: Delivery;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly onFatal: (message: string) => void;
  /** Called when the node hears all its streams again after a loss. */
  readonly onReturn?: () => void;
}

const START_LIMIT_MS = 1000;
/** How long a subscriber waits for a lost connection to come back, or for a server that hangs (then up to twice as long), before it is only recorded. */
const PATIENCE_MS = 1000;

/**
 * Nodes that hear each other through Redis: a channel per stream, its name as it is, and one for commands. One connection
 * listens, another one publishes. At most once: what is published while a node is away from Redis, it does not get.
 * Source: spec "messaging", section 9.3; docs/redis.md.
 */
export class RedisPubSub implements PubSub, Service {
  readonly name = "Redis pub/sub";
  readonly #options: RedisPubSubOptions;
  readonly #deps: RedisPubSubDeps;
  readonly #log: Log;
  readonly #channels: RedisChannels;
  readonly #listener: Link<NodeConnection>;
  readonly #publisher: CommandLink;
  #patience: Timer | null = null;
  #waits: Timer | null = null;
  #hasConnected = false;

  constructor(options: RedisPubSubOptions, deps: RedisPubSubDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#log = deps.log.with({ context: "pubsub" });
    this.#channels = new RedisChannels(options.channel, { log: this.#log });
    this.#listener = this.#createListener();
    this.#publisher = this.#createPublisher();
  }

  /** Resolves when Redis is there or was found to be away, after a second at the latest. */
  async start(): Promise<void> {
    this.#log.info(`Starting Redis pub/sub${describe(this.#options.target)}`);
    this.#limitPatience();
    await Promise.all([this.#listener.start(START_LIMIT_MS), this.#publisher.start()]);
  }

  async stop(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#listener.stop(), this.#publisher.stop(signal)]);
    this.#patience?.cancel();
    this.#waits?.cancel();
    this.#channels.runOutOfPatience();
  }

  async publish(publication: Publication): Promise<void> {
    await this.#send(publication.stream, encodeNodePublication(publication));
  }

  async command(remote: RemoteCommand): Promise<void> {
    await this.#send(this.#options.channel, encodeNodeCommand(remote));
  }

  /** @throws {ServerError} `subscribe_failed` when Redis refuses the channel */
  subscribe(stream: string): Promise<void> {
    this.#waits ??= this.#limitWaits();
    return this.#channels.acquire(stream);
  }

  unsubscribe(stream: string): Promise<void> {
    return this.#channels.release(stream);
  }

  async #send(channel: string, payload: string): Promise<void> {
    try {
      await this.#publisher.call("publish", channel, payload);
    } catch (error) {
      throw publishFailure(error);
    }
  }

  #createListener(): Link<NodeConnection> {
    const purpose = { isPrimary: false, isTagged: false, isPipelined: false, blockMs: 0, key: "" };
    const { target, maxReconnectAttempts } = this.#options;
    const opener = new NodeOpener(target, purpose, this.#deps);
    return new Link<NodeConnection>(
      { maxAttempts: maxReconnectAttempts },
      {
        open: (signal) => opener.open(signal),
        run: (connection, up) => this.#listen(connection, up),
        lost: (error, wasUp) => {
          const text = wasUp ? "Redis pub/sub disconnected" : "failed to connect to Redis";
          this.#log.error(text, { error: error.message });
        },
        exhausted: () => this.#deps.onFatal("failed to reconnect to Redis: attempts exceeded"),
        ...retryLog(this.#log),
      },
      this.#deps,
    );
  }

  async #listen(connection: NodeConnection, up: () => void): Promise<void> {
    connection.onMessage(
      (channel, message) => this.#receive(channel, message),
      (error) => this.#log.error("failed to deliver", { error: errorText(error) }),
    );
    try {
      // A connection that breaks meanwhile confirms nothing: its end must be seen here.
      await Promise.race([
        this.#channels.attach(connection),
        connection.closed.then((reason) => Promise.reject(reason)),
      ]);
      up();
      const text = this.#hasConnected ? "reconnected" : "connected";
      // It reports to nobody: a connection that is lost meanwhile is followed by another one.
      if (this.#hasConnected) void this.#announceReturn(connection);
      this.#hasConnected = true;
      this.#log.info(text, { channel: this.#options.channel });
      this.#publisher.retryNow();
      throw await connection.closed;
    } finally {
      this.#channels.detach();
      this.#limitPatience();
    }
  }

  /** The answer comes behind those to every SUBSCRIBE. */
  async #announceReturn(connection: NodeConnection): Promise<void> {
    const { onReturn } = this.#deps;
    if (onReturn === undefined) return;
    try {
      await connection.heartbeat();
      onReturn();
    } catch (error) {
      this.#log.debug("connection was lost again", { error: errorText(error) });
    }
  }

  #limitPatience(): void {
    this.#patience?.cancel();
    this.#patience = this.#deps.clock.after(PATIENCE_MS, () => this.#channels.runOutOfPatience());
  }

  #limitWaits(): Timer {
    return this.#deps.clock.after(PATIENCE_MS, () => {
      this.#waits = this.#channels.limitWaits() ? this.#limitWaits() : null;
    });
  }

  #receive(channel: string, message: string): void {
    const broadcast = parseBroadcast(message);
    switch (broadcast.kind) {
      case "publication":
        this.#deps.delivery.deliver(broadcast.publication);
        return;
      case "command":
        this.#deps.delivery.command(broadcast.command);
        return;
      case "batch":
        return;
      case "malformed":
        this.#log.warn("failed to parse pubsub message", {
          channel,
          data: truncate(message),
          error: broadcast.error,
        });
    }
  }

  /** The listener gives up for both; the publisher tries as long as there is a process. */
  #createPublisher(): CommandLink {
    const log = this.#log;
    return new CommandLink(
      {
        target: this.#options.target,
        name: "Redis publisher",
        maxAttempts: null,
        scripts: [],
        isKeyed: false,
      },
      {
        clock: this.#deps.clock,
        random: this.#deps.random,
        events: {
          up: () => log.debug("publisher connected"),
          lost: (error, wasUp) => {
            if (wasUp) log.warn("Redis publisher disconnected", { error: error.message });
            else log.debug("Redis publisher failed to connect", { error: error.message });
          },
          waiting: () => undefined,
          retrying: () => undefined,
          exhausted: () => undefined,
        },
      },
    );
  }
}

function publishFailure(cause: unknown): ServerError {
  const text = `failed to publish to Redis: ${errorText(cause)}`;
  return new ServerError("publish_failed", text, { cause });
}

function describe(target: RedisTarget): string {
  const hosts = listAddresses(target);
  if (target.mode === "single") return `: ${hosts}`;
  return target.mode === "sentinel" ? ` (sentinels): ${hosts}` : ` (cluster): ${hosts}`;
}
