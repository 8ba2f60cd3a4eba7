import { RedisBroker, type RedisBrokerOptions } from "../../src/broker/redis/broker.ts";
import { createBrokerLink } from "../../src/broker/redis/link.ts";
import { PUBLISH_SCRIPT } from "../../src/broker/redis/publish-script.ts";
import { RedisSessionStore } from "../../src/broker/redis/sessions.ts";
import type { StreamRule } from "../../src/messages/stream-rules.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { PubSub } from "../../src/ports/pubsub.ts";
import { PRESENCE_SCRIPTS } from "../../src/presence/redis/scripts.ts";
import { RedisPresenceStore } from "../../src/presence/redis/store.ts";
import { RedisPubSub } from "../../src/pubsub/redis.ts";
import { FakeLog } from "./fake-log.ts";
import { RecordingDelivery } from "./recording-delivery.ts";
import { SYSTEM_CLOCK } from "./redis-node.ts";
import { redisTarget } from "./redis-options.ts";

const NEVER = new AbortController().signal;

/** How a node under test differs from the usual one. */
export interface RedisMemorySettings {
  readonly historyLimit?: number;
  readonly historyTtlS?: number;
  readonly sessionsTtlMs?: number;
  readonly presenceTtlMs?: number;
  readonly streamRules?: readonly StreamRule[];
  readonly maxReconnectAttempts?: number;
  /** A pub/sub that is not this Redis. */
  readonly pubsub?: PubSub;
  readonly nodeId?: string;
  /** The clock of the presence store. */
  readonly clock?: Clock;
  /** Names of epochs, in order; random without. */
  readonly epochs?: string[];
}

/** Everything a node remembers in Redis, started, as the app wires it. `stop` it. */
export async function startRedisMemory(url: string, settings: RedisMemorySettings = {}) {
  const [delivery, log] = [new RecordingDelivery(), new FakeLog()];
  const fatal: string[] = [];
  const onFatal = (message: string) => void fatal.push(message);
  const target = redisTarget(url);
  const attempts = { maxReconnectAttempts: settings.maxReconnectAttempts ?? 5 };
  const common = { clock: SYSTEM_CLOCK, random: () => 0, log, onFatal };
  const own = new RedisPubSub(
    { target, channel: "__anycable_internal__", ...attempts },
    { delivery, ...common },
  );
  const isPubSubHere = settings.pubsub === undefined;
  const pubsub = settings.pubsub ?? own;
  const scripts = [PUBLISH_SCRIPT, ...PRESENCE_SCRIPTS];
  const redis = createBrokerLink({ target, scripts, ...attempts }, common);
  const { streamRules = [], nodeId = "node_1", clock = SYSTEM_CLOCK } = settings;
  const randomId = (length: number) =>
    settings.epochs?.shift() ?? crypto.randomUUID().slice(0, length);
  const broker = new RedisBroker(brokerOptions(settings, isPubSubHere), {
    redis,
    pubsub,
    randomId,
    log,
  });
  const sessions = new RedisSessionStore(
    { ttlMs: settings.sessionsTtlMs ?? 300_000 },
    { redis, clock },
  );
  const presence = new RedisPresenceStore(
    { ttlMs: settings.presenceTtlMs ?? 15_000, streamRules, isPubSubHere, nodeId },
    { redis, pubsub, clock, log },
  );
  const services = [redis, broker, sessions, presence];
  if (isPubSubHere) await own.start();
  for (const service of services) await service.start();
  const stop = async () => {
    for (const service of services.toReversed()) await service.stop(NEVER);
    await own.stop(NEVER);
  };
  return { delivery, log, fatal, redis, pubsub, broker, sessions, presence, stop };
}

function brokerOptions(settings: RedisMemorySettings, isPubSubHere: boolean): RedisBrokerOptions {
  const { historyLimit = 100, historyTtlS = 300, streamRules = [] } = settings;
  return {
    historyLimit,
    historyTtlS,
    sessionsTtlS: 300,
    presenceTtlS: 15,
    hosts: "localhost:6379",
    streamRules,
    isPubSubHere,
  };
}
