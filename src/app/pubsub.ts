import type { ServerBack } from "../clients/nats/link.ts";
import { parseRedisTarget } from "../clients/redis/parse-target.ts";
import type { Settings } from "../config/settings.ts";
import { errorText, ServerError } from "../messages/server-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Delivery } from "../ports/delivery.ts";
import type { Log } from "../ports/log.ts";
import type { PubSub } from "../ports/pubsub.ts";
import type { Service } from "../ports/service.ts";
import { LocalPubSub } from "../pubsub/local.ts";
import { NatsPubSub } from "../pubsub/nats.ts";
import { RedisPubSub } from "../pubsub/redis.ts";

/** How nodes hear each other, and what has to be started for it. */
export interface PubSubChoice {
  readonly pubsub: PubSub;
  readonly services: readonly Service[];
}

/** What pub/sub needs of the process. */
export interface PubSubDeps {
  readonly delivery: Delivery;
  readonly clock: Clock;
  readonly log: Log;
  /** The process should end with this message. */
  readonly onFatal: (message: string) => void;
  readonly onServerBack?: ServerBack;
  /** This node hears the others again after a loss. */
  readonly onReturn: () => void;
  /** Before anything has come over a fresh connection. */
  readonly onReconnected: () => void;
}

/** @throws {ServerError} `pubsub_failed` when the address or its certificates are unusable */
export function createPubSub(settings: Settings, deps: PubSubDeps): PubSubChoice {
  try {
    return choose(settings, deps);
  } catch (error) {
    throw unusable(error);
  }
}

function choose({ pubsub }: Settings, deps: PubSubDeps): PubSubChoice {
  switch (pubsub.adapter) {
    case "redis": {
      const { channel, redis } = pubsub.redis;
      const options = {
        target: parseRedisTarget(redis),
        channel,
        maxReconnectAttempts: redis.maxReconnectAttempts,
      };
      const adapter = new RedisPubSub(options, { ...deps, random: Math.random });
      return { pubsub: adapter, services: [adapter] };
    }
    case "nats": {
      const { channel, nats } = pubsub.nats;
      const adapter = new NatsPubSub({ channel, ...nats }, { ...deps, random: Math.random });
      return { pubsub: adapter, services: [adapter] };
    }
    case "none":
      return { pubsub: new LocalPubSub(deps), services: [] };
  }
}

function unusable(cause: unknown): ServerError {
  const text = `couldn't configure pub/sub, cause: ${errorText(cause)}`;
  return new ServerError("pubsub_failed", text, { cause });
}
