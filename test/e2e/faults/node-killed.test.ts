import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { Follower } from "../../support/follower.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { printTally, tally } from "../../support/tally.ts";
import { until } from "../../support/until.ts";
import { XaddProducer } from "../../support/xadd-producer.ts";

setDefaultTimeout(60_000);

describe.skipIf(!HAS_REDIS)(titled("A node killed under load"), () => {
  test("Entries a killed node held are taken over, and its clients miss nothing on another node", async () => {
    await using redis = await RedisServer.start();
    const redisx = ["--public", "--norpc", "--broadcast_adapter=http,redisx"];
    const args = [...redisx, "--broker=redis", "--history_limit=10000", `--redis_url=${redis.url}`];
    await using doomed = await Cableway.start(args);
    await using second = await Cableway.start(args);
    await using third = await Cableway.start(args);
    await using mover = await Follower.start("chat/1", () => (doomed.isRunning ? doomed : second));
    await using stayer = await Follower.start("chat/1", () => third);
    await using producer = new XaddProducer("chat/1", () => redis);
    await Bun.sleep(500);

    // Stopped first: entries pile up with it unacknowledged.
    doomed.signal("SIGSTOP");
    await until("entries are with the stopped node", async () => (await pending(redis)) > 0);
    await Bun.sleep(300);
    const held = await pending(redis);
    doomed.signal("SIGKILL");
    await mover.arrived(2);
    await Bun.sleep(500);
    await producer.stop();
    const isDrained = async () => (await redis.client.xlen("__anycable__")) === 0;
    await until("everything is taken out of the stream", isDrained, 10_000);

    expect(held).toBeGreaterThan(0);
    for (const [name, follower] of [
      ["that moved", mover],
      ["that stayed", stayer],
    ] as const) {
      await follower.hasTaken(producer.acknowledged, 5000);
      const result = tally(producer.acknowledged, follower.taken, producer.unknown);
      printTally(`node killed with ${held} entries or more, client ${name}`, result);
      expect(result).toMatchObject({ missing: [], doubled: [] });
    }
    expect(mover.rejected).toBe(0);
    expect(await pending(redis)).toBe(0);
  });
});

/** Entries that were with a node for some time: a living one acknowledges at once. */
async function pending(redis: RedisServer): Promise<number> {
  const list = await redis.call("xpending", "__anycable__", "bx", "IDLE", 50, "-", "+", 1000);
  return Array.isArray(list) ? list.length : 0;
}
