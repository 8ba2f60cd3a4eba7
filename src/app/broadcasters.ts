import { FanOutHandler } from "../broadcast/fan-out.ts";
import type { BroadcastHandler } from "../broadcast/handler.ts";
import { NatsBroadcaster } from "../broadcast/nats.ts";
import { RedisPubSubBroadcaster } from "../broadcast/redis-pubsub.ts";
import { RedisStreamBroadcaster } from "../broadcast/redis-stream.ts";
import type { ServerBack } from "../clients/nats/link.ts";
import { parseRedisTarget } from "../clients/redis/parse-target.ts";
import type { BroadcastAdapter, RedisSettings, Settings } from "../config/settings.ts";
import { errorText, ServerError } from "../messages/server-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Delivery } from "../ports/delivery.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { Service } from "../ports/service.ts";

/** What the ways in for publications need. */
export interface BroadcasterDeps {
  /** For what every node gets. */
  readonly delivery: Delivery;
  /** For what one node gets for all. */
  readonly handler: BroadcastHandler;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly randomId: (length: number) => string;
  /** The process should end with this message. */
  readonly onFatal: (message: string) => void;
  readonly onServerBack?: ServerBack;
}

/**
 * The ways in for publications but HTTP, which is an endpoint; in the order of the settings.
 * @throws {ServerError} `broadcaster_failed` when an address or its certificates are unusable
 */
export function createBroadcasters(settings: Settings, deps: BroadcasterDeps): readonly Service[] {
  const { adapters } = settings.broadcast;
  try {
    return adapters.flatMap((adapter) => createBroadcaster(adapter, settings, deps));
  } catch (error) {
    throw unusable(error);
  }
}

function createBroadcaster(
  adapter: BroadcastAdapter,
  settings: Settings,
  deps: BroadcasterDeps,
): readonly Service[] {
  switch (adapter) {
    case "redis": {
      const { channel, redis } = settings.redisPubsubBroadcast;
      const handler = new FanOutHandler(deps);
      return [
        new RedisPubSubBroadcaster(
          { ...common(settings, redis), channel },
          { ...deps, handler, random: Math.random },
        ),
      ];
    }
    case "redisx": {
      const { stream, group, readBlockMs, redis } = settings.redisStreamBroadcast;
      return [
        new RedisStreamBroadcaster(
          { ...common(settings, redis), stream, group, readBlockMs },
          { ...deps, random: Math.random },
        ),
      ];
    }
    case "nats": {
      const { channel, nats } = settings.natsBroadcast;
      const handler = new FanOutHandler(deps);
      return [new NatsBroadcaster({ channel, ...nats }, { ...deps, handler, random: Math.random })];
    }
    case "http":
      return [];
  }
}

function common({ broadcast }: Settings, redis: RedisSettings) {
  return {
    target: parseRedisTarget(redis),
    maxReconnectAttempts: redis.maxReconnectAttempts,
    isAskedFor: broadcast.isAsked,
  };
}

function unusable(cause: unknown): ServerError {
  const text = `failed to start broadcaster, cause: ${errorText(cause)}`;
  return new ServerError("broadcaster_failed", text, { cause });
}
