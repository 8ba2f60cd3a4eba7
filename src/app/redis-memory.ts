import { RedisBroker } from "../broker/redis/broker.ts";
import { GapFiller, type GapFillerDeps } from "../broker/redis/gap-filler.ts";
import { createBrokerLink } from "../broker/redis/link.ts";
import { PUBLISH_SCRIPT } from "../broker/redis/publish-script.ts";
import { RedisSessionStore } from "../broker/redis/sessions.ts";
import { parseRedisTarget } from "../clients/redis/parse-target.ts";
import { describeHosts, type RedisTarget } from "../clients/redis/target.ts";
import type { Settings } from "../config/settings.ts";
import { PRESENCE_SCRIPTS } from "../presence/redis/scripts.ts";
import { RedisPresenceStore } from "../presence/redis/store.ts";
import type { Memory, MemoryDeps } from "./memory.ts";

/** History, sessions and presence in Redis, over one connection. @throws {ServerError} for an unusable address */
export function createRedisMemory(settings: Settings, deps: MemoryDeps): Memory {
  const { historyLimit, historyTtlS, sessionsTtlS, presenceTtlS, streamRules } = settings.broker;
  const target = parseRedisTarget(settings.redis);
  const isPubSubHere = hearsThroughBroker(settings);
  const memory: GapFillerDeps["memory"] = {
    position: (stream) => broker.position(stream),
    rest: (stream, position) => broker.rest(stream, position),
  };
  const gaps = isPubSubHere ? new GapFiller({ ...deps, memory }) : null;
  const link = createBrokerLink(
    {
      target,
      maxReconnectAttempts: settings.redis.maxReconnectAttempts,
      scripts: [PUBLISH_SCRIPT, ...PRESENCE_SCRIPTS],
    },
    { ...deps, random: Math.random, onUp: () => void gaps?.returned() },
  );
  const shared = { ...deps, redis: link, pubsub: gaps?.watch(deps.pubsub) ?? deps.pubsub };
  const limits = { historyLimit, historyTtlS, sessionsTtlS, presenceTtlS, streamRules };
  const broker: RedisBroker = new RedisBroker(
    { ...limits, hosts: describeHosts(target), isPubSubHere },
    shared,
  );
  const sessionStore = new RedisSessionStore({ ttlMs: sessionsTtlS * 1000 }, shared);
  const presence = new RedisPresenceStore(
    { ttlMs: presenceTtlS * 1000, streamRules, isPubSubHere, nodeId: settings.nodeId },
    shared,
  );
  const services = [broker, link, sessionStore, presence];
  return { broker, sessionStore, presence, services, ...(gaps === null ? {} : { incoming: gaps }) };
}

/** True when nodes hear each other through the Redis that remembers: storing and telling are one step then. */
function hearsThroughBroker({ pubsub, redis }: Settings): boolean {
  if (pubsub.adapter !== "redis") return false;
  const [own, other] = [parseRedisTarget(redis), parseRedisTarget(pubsub.redis.redis)];
  return placeOf(own) === placeOf(other);
}

/** Where a target leads to, however it is reached. */
function placeOf({ addresses, sentinels, masterName }: RedisTarget): string {
  return JSON.stringify([addresses, sentinels.map(({ address }) => address), masterName]);
}
