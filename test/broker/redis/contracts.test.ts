import { afterAll, beforeAll } from "bun:test";
import { brokerContract } from "../../contracts/broker.ts";
import { presenceStoreContract } from "../../contracts/presence-store.ts";
import { sessionStoreContract } from "../../contracts/session-store.ts";
import { RecordingPubSub } from "../../support/recording-pubsub.ts";
import { type RedisCluster, startCluster } from "../../support/redis-cluster.ts";
import { type RedisMemorySettings, startRedisMemory } from "../../support/redis-memory.ts";
import { HAS_REDIS, RedisServer, SERVERS, titled } from "../../support/redis-server.ts";

for (const program of SERVERS) {
  let server: RedisServer;
  const isAvailable = program.path !== null;
  beforeAll(async () => {
    if (isAvailable) server = await RedisServer.start({ program });
  });
  afterAll(() => server?.stop());
  runContracts(titled(program.name, program), () => server.url, isAvailable);
}

let cluster: RedisCluster;
beforeAll(async () => {
  if (HAS_REDIS) cluster = await startCluster();
}, 40_000);
afterAll(() => cluster?.stop());
runContracts(titled("Redis Cluster"), () => cluster.url, HAS_REDIS);

let lone: RedisServer;
beforeAll(async () => {
  if (HAS_REDIS) lone = await RedisServer.start();
});
afterAll(() => lone?.stop());
brokerContract(
  titled("Redis, with another pub/sub"),
  async (settings) => {
    const pubsub = new RecordingPubSub();
    const memory = await startRedisMemory(lone.url, { ...settings, pubsub });
    return { ...harness(memory), delivery: pubsub.delivery, broker: memory.broker };
  },
  HAS_REDIS,
);
presenceStoreContract(
  titled("Redis, with another pub/sub"),
  async ({ ttlMs, streamRules }) => {
    const pubsub = new RecordingPubSub();
    // What other tests have left would be swept, and told to this pub/sub, which hears all.
    await lone.call("flushall");
    const settings = { presenceTtlMs: ttlMs, streamRules, pubsub };
    const memory = await startRedisMemory(lone.url, settings);
    const { delivery } = pubsub;
    return { ...harness(memory), delivery, listen: async () => undefined, store: memory.presence };
  },
  HAS_REDIS,
);

function runContracts(name: string, url: () => string, isAvailable: boolean): void {
  const start = (settings: RedisMemorySettings) => startRedisMemory(url(), settings);
  brokerContract(
    name,
    async (settings) => {
      const memory = await start(settings);
      return { ...harness(memory), broker: memory.broker };
    },
    isAvailable,
  );
  sessionStoreContract(
    name,
    async ({ ttlMs }) => {
      const memory = await start({ sessionsTtlMs: ttlMs });
      return { ...harness(memory), store: memory.sessions };
    },
    isAvailable,
  );
  presenceStoreContract(
    name,
    async ({ ttlMs, streamRules }) => {
      const memory = await start({ presenceTtlMs: ttlMs, streamRules });
      const listen = (stream: string) => memory.pubsub.subscribe(stream);
      return { ...harness(memory), listen, store: memory.presence };
    },
    isAvailable,
  );
}

/** The server's time is its own: nothing can be moved, tests wait. */
function harness({ delivery, stop }: Awaited<ReturnType<typeof startRedisMemory>>) {
  return {
    delivery,
    stop,
    nowS: () => Date.now() / 1000,
    elapse: (ms: number) => Bun.sleep(ms),
  };
}
