import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { errorText } from "../../src/messages/server-error.ts";
import { RedisPubSub } from "../../src/pubsub/redis.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeLog } from "../support/fake-log.ts";
import { meta, publication } from "../support/publications.ts";
import { RecordingDelivery } from "../support/recording-delivery.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { SYSTEM_CLOCK } from "../support/redis-node.ts";
import { redisTarget } from "../support/redis-options.ts";
import { freePort, HAS_REDIS, RedisServer, titled } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

const CHANNEL = "__anycable_internal__";
const NEVER = new AbortController().signal;

describe.skipIf(!HAS_REDIS)(titled("RedisPubSub"), () => {
  let server: RedisServer;
  const running: RedisPubSub[] = [];
  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((pubsub) => pubsub.stop(NEVER)));
    await server.stop();
  });

  async function start(
    url = server.url,
    maxReconnectAttempts = 5,
    clock = SYSTEM_CLOCK,
    onReturn: () => void = () => undefined,
  ) {
    const [delivery, log] = [new RecordingDelivery(), new FakeLog()];
    const fatal: string[] = [];
    const onFatal = (message: string) => void fatal.push(message);
    const pubsub = new RedisPubSub(
      { target: redisTarget(url), channel: CHANNEL, maxReconnectAttempts },
      { delivery, clock, random: () => 0, log, onFatal, onReturn },
    );
    running.push(pubsub);
    await pubsub.start();
    return { pubsub, delivery, log, fatal };
  }

  /** Messages as they are on the wire. */
  async function overhear(...channels: string[]) {
    const ear = new Redis({ port: server.port, protocol: 2, replyMapping: "legacy" });
    const heard: string[] = [];
    ear.on("message", (channel: string, message: string) => heard.push(`${channel} ${message}`));
    await ear.subscribe(...channels);
    return { heard, stop: () => ear.disconnect() };
  }

  test("RedisPubSub sends publications and commands in the words of the reference", async () => {
    const { pubsub } = await start();
    const { heard, stop } = await overhear("chat/1", CHANNEL);
    const options = meta({ excludeSocket: "s1", broadcastType: "t", transient: true });

    await pubsub.publish(publication("chat/1", '{"a":1}', { offset: 42, epoch: "aB3x" }));
    await pubsub.publish(publication("chat/1", "x", { meta: options }));
    await pubsub.publish(publication("chat/1", "", { meta: meta({}) }));
    await pubsub.command({ command: "foo", payload: { b: 1, a: 2 } });
    await pubsub.command({ command: "bar", payload: undefined });

    await until("all heard", () => heard.length === 5);
    expect(heard).toEqual([
      'chat/1 {"stream":"chat/1","data":"{\\"a\\":1}","offset":42,"epoch":"aB3x"}',
      'chat/1 {"stream":"chat/1","data":"x","meta":{"exclude_socket":"s1","broadcast_type":"t","transient":true}}',
      'chat/1 {"stream":"chat/1","data":""}',
      `${CHANNEL} {"command":"foo","payload":{"b":1,"a":2}}`,
      `${CHANNEL} {"command":"bar"}`,
    ]);
    stop();
  });

  test("RedisPubSub goes by the stream in the message, ignores batches, reports junk", async () => {
    const { pubsub, delivery, log } = await start();
    await pubsub.subscribe("a");

    await server.call("publish", "a", '[{"stream":"a","data":"0"}]');
    await server.call("publish", "a", "junk");
    await server.call("publish", "a", '{"stream":"b","data":"1","offset":4,"epoch":"ee"}');

    expect(await delivery.publicationsReach(1)).toEqual([
      publication("b", "1", { offset: 4, epoch: "ee" }),
    ]);
    expect(log.messages("warn")).toEqual(["failed to parse pubsub message"]);
  });

  test("RedisPubSub survives a delivery that throws", async () => {
    const { pubsub, delivery, log } = await start();
    await pubsub.subscribe("a");
    const deliver = delivery.deliver.bind(delivery);
    delivery.deliver = (each) => {
      if (each.data === "1") throw new TypeError("a mistake");
      deliver(each);
    };

    await pubsub.publish(publication("a", "1"));
    await pubsub.publish(publication("a", "2"));

    expect((await delivery.publicationsReach(1))[0]?.data).toBe("2");
    expect(log.messages("error")).toEqual(["failed to deliver"]);
  });

  test("RedisPubSub comes back to 600 streams within a second of CLIENT KILL, in three SUBSCRIBEs", async () => {
    const { pubsub, delivery, log } = await start();
    const streams = Array.from({ length: 600 }, (_, n) => `s${n}`);
    await Promise.all(streams.map((stream) => pubsub.subscribe(stream)));
    await server.call("config", "resetstat");
    const killed = Date.now();
    await server.call("client", "kill", "type", "pubsub");

    await until("600 channels again", async () => {
      const channels = await server.client.pubsub("CHANNELS", "s*");
      return channels.length === 600 && (await server.listeners(CHANNEL)) === 1;
    });

    expect(Date.now() - killed).toBeLessThan(1000);
    const stats = await server.client.info("commandstats");
    expect(stats).toContain("cmdstat_subscribe:calls=3,");
    await until("told", () => log.messages("info").includes("reconnected"));
    expect(log.messages("error")).toEqual(["Redis pub/sub disconnected"]);
    expect(log.messages("info").slice(-3)).toEqual([
      "next Redis reconnect attempt in 250ms",
      "reconnecting to Redis...",
      "reconnected",
    ]);
    await pubsub.publish(publication("s599", "1"));
    expect(await delivery.publicationsReach(1)).toEqual([publication("s599", "1")]);
  });

  test("RedisPubSub tells that it is back, not that it is there, when all its streams are heard again", async () => {
    const heardAtReturn: Promise<unknown>[] = [];
    const onReturn = () => void heardAtReturn.push(server.call("pubsub", "numsub", "s599"));
    const { pubsub } = await start(server.url, 5, SYSTEM_CLOCK, onReturn);
    await Promise.all(Array.from({ length: 600 }, (_, n) => pubsub.subscribe(`s${n}`)));
    expect(heardAtReturn).toEqual([]);

    await server.call("client", "kill", "type", "pubsub");
    await until("back", () => heardAtReturn.length > 0);

    expect(await Promise.all(heardAtReturn)).toEqual([["s599", 1]]);
  });

  test("RedisPubSub confirms nobody while SUBSCRIBE is unanswered", async () => {
    const { pubsub } = await start();
    const done: number[] = [];
    await server.call("client", "pause", 400, "ALL");

    const first = pubsub.subscribe("x").then(() => done.push(1));
    const second = pubsub.subscribe("x").then(() => done.push(2));
    await Bun.sleep(150);

    expect(done).toEqual([]);
    await Promise.all([first, second]);
    expect(await server.listeners("x")).toBe(1);
  });

  test("RedisPubSub lets a subscriber wait for a connection that comes back soon", async () => {
    const { pubsub, delivery } = await start();
    await server.call("client", "kill", "type", "pubsub");
    await until("loss noticed", async () => (await server.listeners(CHANNEL)) === 0);

    await pubsub.subscribe("x");

    expect(await server.listeners("x")).toBe(1);
    await pubsub.publish(publication("x", "1"));
    expect(await delivery.publicationsReach(1)).toEqual([publication("x", "1")]);
  });

  test("RedisPubSub records a subscriber when Redis stays away, and subscribes later", async () => {
    const { pubsub, delivery } = await start();
    await server.kill();
    const began = Date.now();

    await pubsub.subscribe("x");

    expect(Date.now() - began).toBeLessThan(2500);
    const again = Date.now();
    await pubsub.subscribe("y");
    expect(Date.now() - again).toBeLessThan(100);
    await server.start();
    await until(
      "both subscribed",
      async () => (await server.listeners("x")) + (await server.listeners("y")) === 2,
      8000,
    );
    await until("published", () =>
      pubsub.publish(publication("x", "1")).then(
        () => true,
        () => false,
      ),
    );
    expect(await delivery.publicationsReach(1)).toEqual([publication("x", "1")]);
  }, 15_000);

  test("RedisPubSub refuses a publication it cannot hand over", async () => {
    const { pubsub } = await start();
    await server.call("acl", "setuser", "default", "-publish");
    const refused = await pubsub.publish(publication("a", "1")).catch((error: unknown) => error);
    await server.kill();
    const away = await pubsub
      .command({ command: "foo", payload: 1 })
      .catch((error: unknown) => error);

    expect(refused).toMatchObject({ code: "publish_failed" });
    expect(errorText(refused)).toStartWith("failed to publish to Redis: NOPERM");
    expect(away).toMatchObject({ code: "publish_failed" });
  });

  test("RedisPubSub refuses a stream whose channel the user may not hear", async () => {
    await server.call(
      "acl",
      "setuser",
      "app",
      "on",
      ">pw",
      "+@all",
      "~*",
      "resetchannels",
      `&${CHANNEL}`,
      "&chat/*",
    );
    const { pubsub } = await start(`redis://app:pw@127.0.0.1:${server.port}`);

    const outcomes = await Promise.allSettled(["chat/1", "secret"].map((s) => pubsub.subscribe(s)));

    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(outcomes[1]).toMatchObject({ reason: { code: "subscribe_failed" } });
  });

  test("RedisPubSub says that Redis is gone for good, once", async () => {
    const { fatal, log } = await start(server.url, 1);

    await server.kill();

    await until("given up", () => fatal.length > 0);
    expect(fatal).toEqual(["failed to reconnect to Redis: attempts exceeded"]);
    expect(log.messages("info").filter((text) => text.startsWith("next Redis"))).toHaveLength(1);
  });

  test("RedisPubSub starts without Redis, within a second, and stops while it is away", async () => {
    const port = await freePort();
    const began = Date.now();
    const { pubsub, log } = await start(`redis://127.0.0.1:${port}`);
    const waiting = pubsub.subscribe("x");

    await pubsub.stop(NEVER);

    await waiting;
    expect(Date.now() - began).toBeLessThan(1500);
    expect(log.messages("error")).toEqual(["failed to connect to Redis"]);
  });

  test("RedisPubSub records a subscriber when Redis hangs, and subscribes later", async () => {
    const { pubsub } = await start();
    server.hang();

    await pubsub.subscribe("x");
    await pubsub.subscribe("y");

    server.resume();
    await until("subscribed", async () => (await server.listeners("y")) === 1);
  }, 30_000);

  // As with a Redis that loads its data: SUBSCRIBE is taken and PING is not.
  test("RedisPubSub stays connected to a Redis that refuses to answer a PING", async () => {
    const { pubsub, log } = await start();
    await server.call("acl", "setuser", "default", "-ping");
    await server.call("client", "kill", "type", "pubsub");
    await until("connected again", () => log.messages("info").includes("reconnected"));

    await pubsub.subscribe("x");

    expect(await server.listeners("x")).toBe(1);
    expect(log.messages("error")).toEqual(["Redis pub/sub disconnected"]);
  });

  test("RedisPubSub stops at once when Redis hangs", async () => {
    const { pubsub } = await start();
    server.hang();
    const began = Date.now();
    const publishing = pubsub.publish(publication("a", "1")).catch((error: unknown) => error);
    const subscribing = pubsub.subscribe("a");

    await pubsub.stop(NEVER);

    expect(Date.now() - began).toBeLessThan(1000);
    expect(await publishing).toMatchObject({ code: "publish_failed" });
    await subscribing;
    server.resume();
  });

  test("RedisPubSub loses nothing between confirmation and message, and nothing twice, in 300 rounds", async () => {
    const [here, there] = [await start(), await start()];
    for (let n = 0; n < 300; n += 1) {
      await here.pubsub.subscribe(`n${n}`);
      await there.pubsub.publish(publication(`n${n}`, String(n)));
      if (n % 3 === 0) await here.pubsub.unsubscribe(`n${n}`);
    }

    const arrived = await here.delivery.publicationsReach(300);
    expect(arrived.map(({ data }) => Number(data))).toEqual(
      Array.from({ length: 300 }, (_, n) => n),
    );
  });

  test("RedisPubSub works on after a restart under load; what was published meanwhile was refused or lost, never twice", async () => {
    const { pubsub, delivery } = await start();
    await pubsub.subscribe("load");
    const accepted: string[] = [];
    let isOver = false;
    const load = (async () => {
      for (let n = 0; !isOver; n += 1) {
        await pubsub.publish(publication("load", String(n))).then(
          () => accepted.push(String(n)),
          () => Bun.sleep(5),
        );
      }
    })();
    await until("traffic", () => delivery.publications.length > 100);
    await server.kill();
    await server.start();
    const before = delivery.publications.length;
    await until("traffic again", () => delivery.publications.length > before + 100, 8000);
    isOver = true;
    await load;

    const arrived = delivery.publications.map(({ data }) => data);
    expect(new Set(arrived).size).toBe(arrived.length);
    expect(arrived).toEqual(arrived.toSorted((a, b) => Number(a) - Number(b)));
  }, 20_000);

  test("RedisPubSub follows the primary when its server becomes a replica", async () => {
    const clock = new FakeClock();
    const { pubsub, log } = await start(server.url, 5, clock);
    await using other = await RedisServer.start();
    await server.call("replicaof", "127.0.0.1", other.port);
    await pubsub.publish(publication("a", "1"));

    clock.advance(3000);

    await until("noticed", () => log.messages("warn").length > 0);
    expect(log.messages("warn")).toEqual(["Redis publisher disconnected"]);
    expect(await pubsub.publish(publication("a", "2")).catch((e: { code: string }) => e.code)).toBe(
      "publish_failed",
    );
  });
});

describe.skipIf(!HAS_REDIS)(titled("RedisPubSub in a cluster"), () => {
  test("RedisPubSub leaves a server of the cluster that hangs, and hears through another one", async () => {
    await using cluster = await startCluster();
    const [delivery, log] = [new RecordingDelivery(), new FakeLog()];
    const url = cluster.servers.map((server) => `${server.url}?write_timeout=300ms`).join(",");
    const pubsub = new RedisPubSub(
      { target: redisTarget(url), channel: CHANNEL, maxReconnectAttempts: 5 },
      { delivery, clock: SYSTEM_CLOCK, random: () => 0, log, onFatal: () => undefined },
    );
    await pubsub.start();
    await pubsub.subscribe("s");
    const counts = await Promise.all(cluster.servers.map((server) => server.listeners("s")));
    const hanging = cluster.servers[counts.indexOf(1)];
    const others = cluster.servers.filter((server) => server !== hanging);
    hanging?.hang();

    await until(
      "heard elsewhere",
      async () => {
        const heard = await Promise.all(others.map((server) => server.listeners("s")));
        return heard.includes(1);
      },
      15_000,
    );

    await others[0]?.call("publish", "s", '{"stream":"s","data":"1"}');
    expect(await delivery.publicationsReach(1)).toEqual([publication("s", "1")]);
    expect(log.messages("error")).toContain("Redis pub/sub disconnected");
    await pubsub.stop(NEVER);
    hanging?.resume();
  }, 60_000);
});
