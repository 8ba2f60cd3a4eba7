import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { RedisPubSubBroadcaster } from "../../src/broadcast/redis-pubsub.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeLog } from "../support/fake-log.ts";
import { SYSTEM_CLOCK } from "../support/redis-node.ts";
import { redisTarget } from "../support/redis-options.ts";
import { freePort, HAS_REDIS, RedisServer, titled } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

const NEVER = new AbortController().signal;
const CHANNEL = "__anycable__";

describe.skipIf(!HAS_REDIS)(titled("RedisPubSubBroadcaster"), () => {
  let server: RedisServer;
  const running: RedisPubSubBroadcaster[] = [];
  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((broadcaster) => broadcaster.stop(NEVER)));
    await server.stop();
  });

  async function start(
    given: { url?: string; isAskedFor?: boolean; attempts?: number } = {},
    clock = SYSTEM_CLOCK,
  ) {
    const { url = server.url, isAskedFor = true, attempts = 5 } = given;
    const [heard, fatal]: [string[], string[]] = [[], []];
    const log = new FakeLog();
    const handler = {
      handle: (body: string) => {
        heard.push(body);
        if (body === "throw") throw new TypeError("a mistake");
      },
    };
    const onFatal = (message: string) => void fatal.push(message);
    const target = redisTarget(url);
    const options = { target, channel: CHANNEL, maxReconnectAttempts: attempts, isAskedFor };
    const broadcaster = new RedisPubSubBroadcaster(options, {
      handler,
      clock,
      random: () => 0,
      log,
      onFatal,
    });
    running.push(broadcaster);
    await broadcaster.start();
    return { broadcaster, heard, fatal, log };
  }

  test("RedisPubSubBroadcaster hands over what is published, as it is and in order", async () => {
    const { heard, log } = await start();

    await server.call("publish", CHANNEL, '{"stream":"a","data":"1"}');
    await server.call("publish", "other", "x");
    await server.call("publish", CHANNEL, "garbage ü");

    await until("both heard", () => heard.length === 2);
    expect(heard).toEqual(['{"stream":"a","data":"1"}', "garbage ü"]);
    expect(log.records.find(({ level }) => level === "info")).toEqual({
      level: "info",
      message: "subscribed to Redis channel",
      attributes: { context: "broadcast", provider: "redis", channel: CHANNEL },
    });
  });

  test("RedisPubSubBroadcaster survives a handler that throws", async () => {
    const { heard, log } = await start();

    await server.call("publish", CHANNEL, "throw");
    await server.call("publish", CHANNEL, "next");

    await until("both heard", () => heard.length === 2);
    expect(log.messages("error")).toEqual(["failed to deliver"]);
  });

  test("RedisPubSubBroadcaster goes on after an outage", async () => {
    const { heard, log } = await start();
    await server.kill();
    await until("noticed", () => log.messages("error").length > 0);
    await server.start();

    await until("subscribed again", async () => (await server.listeners(CHANNEL)) === 1);
    await server.call("publish", CHANNEL, "2");

    await until("heard", () => heard.length === 1);
    expect(log.messages("error")[0]).toBe("Redis connection failed");
    expect(log.messages("info").slice(-2)).toEqual([
      "reconnecting to Redis...",
      "reconnected to Redis channel",
    ]);
  }, 10_000);

  test("RedisPubSubBroadcaster asked for gives up after the sixth failure, with the right pauses", async () => {
    const clock = new FakeClock();
    const port = await freePort();
    const { fatal, log } = await start({ url: `redis://127.0.0.1:${port}` }, clock);
    for (const pauseMs of [250, 2000, 4000, 8000, 16_000]) {
      const failures = log.messages("error").length;
      clock.advance(pauseMs);
      await until("another failure", () => log.messages("error").length > failures);
    }

    expect(log.messages("error")).toEqual(Array(6).fill("failed to connect to Redis"));
    expect(log.messages("info").filter((text) => text.startsWith("next"))).toEqual([
      "next Redis reconnect attempt in 250ms",
      "next Redis reconnect attempt in 2s",
      "next Redis reconnect attempt in 4s",
      "next Redis reconnect attempt in 8s",
      "next Redis reconnect attempt in 16s",
    ]);
    expect(fatal).toEqual(["Redis reconnect attempts exceeded"]);
  });

  test("RedisPubSubBroadcaster that nobody asked for warns once, goes on, and works when Redis appears", async () => {
    const clock = new FakeClock();
    await server.kill();
    const { fatal, log, heard } = await start({ isAskedFor: false }, clock);
    for (const pauseMs of [250, 2000, 4000, 8000, 16_000, 16_000, 16_000]) {
      const failures = log.messages("debug").length;
      clock.advance(pauseMs);
      await until("another failure", () => log.messages("debug").length > failures);
    }
    expect(log.messages("warn")).toHaveLength(1);
    expect(log.messages("error")).toEqual([]);

    await server.start();
    clock.advance(16_000);
    await until("subscribed", async () => (await server.listeners(CHANNEL)) === 1);
    await server.call("publish", CHANNEL, "1");

    await until("heard", () => heard.length === 1);
    expect(fatal).toEqual([]);
  });

  test("RedisPubSubBroadcaster stops at once when Redis hangs and when it is away", async () => {
    const hanging = await start();
    const away = await start({ url: `redis://127.0.0.1:${await freePort()}` });
    server.hang();
    const began = Date.now();

    await Promise.all([hanging.broadcaster.stop(NEVER), away.broadcaster.stop(NEVER)]);

    expect(Date.now() - began).toBeLessThan(1000);
    server.resume();
  });

  test("RedisPubSubBroadcaster notices a server that hangs, and comes back", async () => {
    const { log } = await start({ url: `${server.url}?write_timeout=100ms&dial_timeout=200ms` });
    server.hang();
    await until("noticed", () => log.messages("error").includes("Redis connection failed"), 8000);
    server.resume();

    await until("again", () => log.messages("info").includes("reconnected to Redis channel"), 8000);
  }, 20_000);
});
