import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { Follower } from "../../support/follower.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { printTally, tally } from "../../support/tally.ts";
import { until } from "../../support/until.ts";
import { XaddProducer } from "../../support/xadd-producer.ts";

setDefaultTimeout(60_000);

const REDISX = ["--public", "--norpc", "--broadcast_adapter=http,redisx"];
/** Nothing that was acknowledged is lost with the process. */
const DURABLE = { args: ["--appendonly", "yes", "--appendfsync", "always"] };
/** The second one is longer than the first pause between two tries: parts come back at different times. */
const OUTAGES_MS = [100, 800, 100] as const;

/** Kills Redis several times under load; each time all parts of the nodes come back before the next. */
async function restart(redis: RedisServer, readersCount: number, listeners: number): Promise<void> {
  const areBack = async () =>
    (await readers(redis)) === readersCount && (await redis.listeners("chat/1")) === listeners;
  for (const outageMs of OUTAGES_MS) {
    await Bun.sleep(400);
    await redis.kill();
    await Bun.sleep(outageMs);
    await redis.start();
    await until("all nodes read and hear again", areBack, 15_000);
  }
  await Bun.sleep(400);
}

async function readers(redis: RedisServer): Promise<number> {
  const clients = await redis.clients();
  return clients.filter((each) => each.get("cmd") === "xreadgroup").length;
}

async function isDrained(redis: RedisServer): Promise<boolean> {
  return (await redis.client.xlen("__anycable__")) === 0;
}

describe.skipIf(!HAS_REDIS)(titled("Redis restarted under load"), () => {
  test("Every entry redisx was given is delivered, none twice: one node that remembers for itself", async () => {
    await using redis = await RedisServer.start(DURABLE);
    const args = [...REDISX, "--broker=memory", "--pubsub=none", `--redis_url=${redis.url}`];
    await using server = await Cableway.start(args);
    await using follower = await Follower.start("chat/1", () => server);
    await using producer = new XaddProducer("chat/1", () => redis);

    await restart(redis, 1, 0);
    await producer.stop();
    await follower.hasTaken(producer.acknowledged, 10_000);
    await until("drained", () => isDrained(redis), 10_000);

    const result = tally(producer.acknowledged, follower.taken, producer.unknown);
    printTally("Redis killed 3 times, redisx, memory broker", result);
    expect(result).toMatchObject({ missing: [], doubled: [] });
  });

  test("Every entry redisx was given is delivered, none twice: two nodes that hear each other through this Redis", async () => {
    await using redis = await RedisServer.start(DURABLE);
    const args = [...REDISX, "--broker=redis", "--history_limit=10000", `--redis_url=${redis.url}`];
    await using first = await Cableway.start(args);
    await using second = await Cableway.start(args);
    await using a = await Follower.start("chat/1", () => first);
    await using b = await Follower.start("chat/1", () => second);
    await using producer = new XaddProducer("chat/1", () => redis);

    await restart(redis, 2, 2);
    await producer.stop();
    for (const follower of [a, b]) await follower.hasTaken(producer.acknowledged, 10_000);
    await until("drained", () => isDrained(redis), 10_000);

    for (const [name, follower] of [
      ["a", a],
      ["b", b],
    ] as const) {
      const result = tally(producer.acknowledged, follower.taken, producer.unknown);
      printTally(`Redis killed 3 times, redisx, Redis broker, client ${name}`, result);
      expect(result).toMatchObject({ missing: [], doubled: [] });
    }
  });
});
