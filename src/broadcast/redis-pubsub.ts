import type { Link } from "../clients/redis/link.ts";
import type { NodeConnection } from "../clients/redis/node-connection.ts";
import { NodeOpener } from "../clients/redis/node-opener.ts";
import { describeHosts } from "../clients/redis/target.ts";
import { errorText } from "../messages/server-error.ts";
import type { Log } from "../ports/log.ts";
import type { Service } from "../ports/service.ts";
import type { FanOutHandler } from "./fan-out.ts";
import {
  createBroadcastLink,
  type RedisBroadcastDeps,
  type RedisBroadcastOptions,
} from "./redis-link.ts";

/** `channel` is where applications publish. */
export interface RedisPubSubBroadcasterOptions extends RedisBroadcastOptions {
  readonly channel: string;
}

/** Who takes what arrives. */
export interface RedisPubSubBroadcasterDeps extends RedisBroadcastDeps {
  readonly handler: Pick<FanOutHandler, "handle">;
}

const START_LIMIT_MS = 1000;

/**
 * Publications by PUBLISH; every node gets them all.
 *
 *     PUBLISH __anycable__ '{"stream":"chat/42","data":"{\"text\":\"hi\"}"}'
 *
 * At most once: what is published while a node is away from Redis, it does not get.
 * Source: spec "messaging", section 8.1; docs/redis.md.
 */
export class RedisPubSubBroadcaster implements Service {
  readonly name = "Redis broadcaster";
  readonly #options: RedisPubSubBroadcasterOptions;
  readonly #handler: Pick<FanOutHandler, "handle">;
  readonly #log: Log;
  readonly #link: Link<NodeConnection>;
  #hasSubscribed = false;

  constructor(options: RedisPubSubBroadcasterOptions, deps: RedisPubSubBroadcasterDeps) {
    this.#options = options;
    this.#handler = deps.handler;
    this.#log = deps.log.with({ context: "broadcast", provider: "redis" });
    const purpose = { isPrimary: false, isTagged: false, isPipelined: false, blockMs: 0, key: "" };
    const opener = new NodeOpener(options.target, purpose, deps);
    this.#link = createBroadcastLink(
      options,
      {
        open: (signal) => opener.open(signal),
        run: (connection, up) => this.#listen(connection, up),
        lost: (error, wasUp) => {
          const text = wasUp ? "Redis connection failed" : "failed to connect to Redis";
          this.#log.error(text, { error: error.message });
        },
        exhausted: "Redis reconnect attempts exceeded",
        isFatal: true,
      },
      { ...deps, log: this.#log },
    );
  }

  /** Resolves when Redis is there or was found to be away, after a second at the latest. */
  async start(): Promise<void> {
    const { target, channel } = this.#options;
    const text = `Starting Redis broadcaster at ${describeHosts(target)}`;
    if (target.mode === "single") this.#log.debug(text, { channel });
    else this.#log.info(text, { channel });
    await this.#link.start(START_LIMIT_MS);
  }

  async stop(_signal: AbortSignal): Promise<void> {
    await this.#link.stop();
  }

  async #listen(connection: NodeConnection, up: () => void): Promise<void> {
    const { channel } = this.#options;
    connection.onMessage(
      (_channel, message) => this.#handler.handle(message),
      (error) => this.#log.error("failed to deliver", { error: errorText(error) }),
    );
    await connection.subscribe([channel]);
    up();
    const text = this.#hasSubscribed ? "reconnected to" : "subscribed to";
    this.#hasSubscribed = true;
    this.#log.info(`${text} Redis channel`, { channel });
    throw await connection.closed;
  }
}
