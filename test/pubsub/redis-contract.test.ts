import { afterAll, beforeAll } from "bun:test";
import { RedisPubSub } from "../../src/pubsub/redis.ts";
import { pubsubContract } from "../contracts/pubsub.ts";
import { FakeLog } from "../support/fake-log.ts";
import { RecordingDelivery } from "../support/recording-delivery.ts";
import { type RedisCluster, startCluster } from "../support/redis-cluster.ts";
import { SYSTEM_CLOCK } from "../support/redis-node.ts";
import { redisTarget } from "../support/redis-options.ts";
import { HAS_REDIS, RedisServer, SERVERS, titled } from "../support/redis-server.ts";

const CHANNEL = "__anycable_internal__";

for (const program of SERVERS) {
  const isAvailable = program.path !== null;
  let server: RedisServer;
  beforeAll(async () => {
    if (isAvailable) server = await RedisServer.start({ program });
  });
  afterAll(() => server?.stop());
  pubsubContract(
    titled(program.name, program),
    { isFiltering: true, commandChannel: CHANNEL, isAvailable },
    () => startNodes(server.url),
  );
}

let cluster: RedisCluster;
beforeAll(async () => {
  if (HAS_REDIS) cluster = await startCluster();
}, 40_000);
afterAll(() => cluster?.stop());
pubsubContract(
  titled("Redis Cluster"),
  { isFiltering: true, commandChannel: CHANNEL, isAvailable: HAS_REDIS },
  () => startNodes(cluster.url),
);

/** Two nodes on one server. */
async function startNodes(url: string) {
  const start = async () => {
    const delivery = new RecordingDelivery();
    const pubsub = new RedisPubSub(
      { target: redisTarget(url), channel: CHANNEL, maxReconnectAttempts: 5 },
      {
        delivery,
        clock: SYSTEM_CLOCK,
        random: Math.random,
        log: new FakeLog(),
        onFatal: () => undefined,
      },
    );
    await pubsub.start();
    return { pubsub, delivery };
  };
  const nodes = [await start(), await start()] as const;
  return {
    nodes,
    stop: async () => {
      const { signal } = new AbortController();
      await Promise.all(nodes.map(({ pubsub }) => pubsub.stop(signal)));
    },
  };
}
