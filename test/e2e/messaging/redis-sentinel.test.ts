import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Redis } from "ioredis";
import { Cableway } from "../../support/cableway.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { startCluster } from "../../support/redis-cluster.ts";
import { RedisSentinel } from "../../support/redis-sentinel.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";
import { welcomed } from "../../support/welcomed.ts";
import { pubsub } from "../../support/wire.ts";

setDefaultTimeout(60_000);

const STREAM = "__anycable__";
const CHAT = pubsub("chat/1");
const ALL = [
  "--public",
  "--norpc",
  "--broadcast_adapter=http,redis,redisx",
  "--broker=redis",
  "--pubsub=redis",
] as const;

function chat(value: number): string {
  return JSON.stringify({ stream: "chat/1", data: `${value}` });
}

async function listener(server: Cableway): Promise<RawClient> {
  const client = await welcomed(server);
  await client.subscribe(CHAT);
  return client;
}

/** Publishes over HTTP as soon as the node takes it. */
async function publishOnceTaken(server: Cableway, value: number): Promise<void> {
  const post = () => server.fetch("/_broadcast", { method: "POST", body: chat(value) });
  await until(`${value} is taken`, async () => (await post()).status === 201, 20_000);
}

/** Waits until every part of two nodes is connected to this server: broadcasters by stream and channel, and pub/sub. */
async function bothAreOn(redis: RedisServer): Promise<void> {
  const isThere = async (): Promise<boolean> => {
    const readers = (await redis.clients()).filter((each) => each.get("cmd") === "xreadgroup");
    const [all, internal] = [
      await redis.listeners(STREAM),
      await redis.listeners("__anycable_internal__"),
    ];
    return (
      readers.length === 2 && all === 2 && internal === 2 && (await redis.listeners("chat/1")) === 2
    );
  };
  // A sentinel that promotes a server has it cut all its clients: the one that asks here, too.
  const sees = () => isThere().catch(() => false);
  await until("all parts of both nodes are on the server", sees, 20_000);
}

describe.skipIf(!HAS_REDIS)(titled("Redis behind sentinels, and in a cluster"), () => {
  test("messaging#43 When the primary is killed all parts are on the new one within seconds, however sentinels are named", async () => {
    await using primary = await RedisServer.start();
    await using replica = await primary.startReplica();
    await using sentinel = await RedisSentinel.start(primary);
    const list = [`--redis_url=redis://mymaster`, `--redis_sentinels=127.0.0.1:${sentinel.port}`];
    const inUrl = `--redis_url=redis://127.0.0.1:${sentinel.port}?master_set=mymaster`;
    await using first = await Cableway.start([...ALL, ...list]);
    await using second = await Cableway.start([...ALL, inUrl]);
    using a = await listener(first);
    using b = await listener(second);
    const expectBoth = async (message: number, rest: Readonly<Record<string, unknown>> = {}) => {
      for (const client of [a, b]) {
        expect(await client.next()).toMatchObject({ identifier: CHAT, message, ...rest });
      }
    };
    await bothAreOn(primary);
    await first.publish("chat/1", 1);
    await expectBoth(1, { offset: 1 });
    await until(
      "the sentinel knows the replica",
      async () => (await knownReplicas(sentinel)) === 1,
    );

    await primary.kill();
    const killed = performance.now();
    await bothAreOn(replica);

    expect(performance.now() - killed).toBeLessThan(10_000);
    await publishOnceTaken(first, 2);
    await expectBoth(2, { offset: 1 });
    await publishOnceTaken(second, 3);
    await expectBoth(3, { offset: 2 });
    await replica.call("publish", STREAM, chat(4));
    await expectBoth(4);
    await replica.call("xadd", STREAM, "*", "payload", chat(5));
    await expectBoth(5, { offset: 3 });
  });

  test("All parts work on a Redis Cluster, and two nodes hear each other through it", async () => {
    await using cluster = await startCluster();
    const args = [...ALL, `--redis_url=${cluster.url}`];
    await using first = await Cableway.start(args);
    await using second = await Cableway.start(args);
    using a = await listener(first);
    using b = await listener(second);
    const streams = Array.from({ length: 20 }, (_, n) => `s${n}`);
    for (const stream of streams) await b.subscribe(pubsub(stream));

    await publishOnceTaken(first, 1);
    for (const client of [a, b])
      expect(await client.next()).toMatchObject({ message: 1, offset: 1 });
    for (const stream of streams) {
      await first.publish(stream, stream);
      expect(await b.next()).toMatchObject({
        identifier: pubsub(stream),
        message: stream,
        offset: 1,
      });
    }
    b.send({ command: "history", identifier: CHAT, history: { since: 1 } });
    expect(await b.next()).toMatchObject({ message: 1, offset: 1 });
    expect(await b.next()).toEqual({ type: "confirm_history", identifier: CHAT });
    a.send({ command: "join", identifier: CHAT, presence: { id: "42" } });
    for (const client of [a, b]) {
      expect(await client.next()).toMatchObject({
        type: "presence",
        message: { type: "join", id: "42" },
      });
    }
  });
});

async function knownReplicas(sentinel: RedisSentinel): Promise<number> {
  const client = new Redis({ port: sentinel.port, protocol: 2, replyMapping: "legacy" });
  try {
    const answer = await client.call("sentinel", ["replicas", "mymaster"]);
    return Array.isArray(answer) ? answer.length : 0;
  } finally {
    client.disconnect();
  }
}
