import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Application, accepted } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";
import { expectMetrics, expectSilence, linesWith, welcomed } from "../../support/welcomed.ts";
import { channel, pubsub } from "../../support/wire.ts";

setDefaultTimeout(30_000);

const COMMANDS = "__anycable_internal__";

function node(redis: RedisServer, ...args: readonly string[]): Promise<Cableway> {
  return Cableway.start(["--public", "--norpc", `--redis_url=${redis.url}`, ...args]);
}

/** Waits until nodes listen to exactly these channels. */
async function channelsBecome(redis: RedisServer, ...expected: readonly string[]): Promise<void> {
  let seen: readonly string[] = [];
  const isReached = async (): Promise<boolean> => {
    seen = (await redis.client.pubsub("CHANNELS")).map(String).sort();
    return Bun.deepEquals(seen, [...expected].sort());
  };
  await until(() => `channels ${expected}; they are ${seen}`, isReached);
}

describe.skipIf(!HAS_REDIS)(titled("Channels at Redis"), () => {
  test("messaging#42 A node leaves a channel with its last session, by unsubscribe and by closed connection", async () => {
    await using redis = await RedisServer.start();
    await using server = await node(redis);
    using first = await welcomed(server);
    using second = await welcomed(server);
    const [a, b] = [pubsub("a"), pubsub("b")];
    await channelsBecome(redis, COMMANDS);
    for (const client of [first, second]) {
      await client.subscribe(a);
      await client.subscribe(b);
    }
    await first.subscribe(pubsub("a", { again: true }));
    await channelsBecome(redis, COMMANDS, "a", "b");

    first.send({ command: "unsubscribe", identifier: a });
    first.send({ command: "unsubscribe", identifier: a });
    second.send({ command: "unsubscribe", identifier: a });
    await expectSilence(second);
    await channelsBecome(redis, COMMANDS, "a", "b");
    await server.publish("a", 1);
    expect(await first.next()).toMatchObject({ message: 1 });
    first.send({ command: "unsubscribe", identifier: pubsub("a", { again: true }) });
    await channelsBecome(redis, COMMANDS, "b");

    first.drop();
    await server.publish("b", 2);
    expect(await second.next()).toEqual({ identifier: b, message: 2 });
    await channelsBecome(redis, COMMANDS, "b");
    second.drop();
    await channelsBecome(redis, COMMANDS);
  });

  test("No client can make a node hear the broadcasters' channel twice", async () => {
    await using redis = await RedisServer.start();
    await using server = await node(redis, "--broadcast_adapter=redis");
    await channelsBecome(redis, COMMANDS, "__anycable__");
    await using attacker = await welcomed(server);
    const identifier = pubsub("__anycable__");
    attacker.send({ command: "subscribe", identifier });
    expect(await attacker.next()).toEqual({ type: "reject_subscription", identifier });
    await using client = await welcomed(server);
    await client.subscribe(pubsub("a"));

    await redis.client.publish("__anycable__", '{"stream":"a","data":"1"}');

    expect(await client.next()).toEqual({ identifier: pubsub("a"), message: 1 });
    await expectSilence(client);
  });

  test("A node leaves the channels of streams that an application stops, and no others", async () => {
    await using redis = await RedisServer.start();
    await using application = await Application.start({
      command: ({ command, data, ...request }) => {
        if (command === "subscribe") {
          return accepted({ command, ...request }, { streams: ["x", "y", "z"] });
        }
        if (data === "one") return { status: 1, stopped_streams: ["x"] };
        return { status: 1, stop_streams: data === "all" };
      },
    });
    await using server = await Cableway.start([application.option, `--redis_url=${redis.url}`]);
    using client = await welcomed(server);
    const identifier = await client.subscribe(channel("Chat"));
    await channelsBecome(redis, COMMANDS, "x", "y", "z");

    client.send({ command: "message", identifier, data: "one" });
    await channelsBecome(redis, COMMANDS, "y", "z");
    client.send({ command: "message", identifier, data: "all" });
    await channelsBecome(redis, COMMANDS);
  });

  test("A second subscriber of a stream waits for the pending SUBSCRIBE as well", async () => {
    await using redis = await RedisServer.start();
    await using first = await node(redis);
    await using second = await node(redis);
    using early = await welcomed(second);
    using late = await welcomed(second);
    const identifier = pubsub("a");
    await redis.call("client", "pause", 600, "ALL");
    const resumed = performance.now() + 590;

    early.send({ command: "subscribe", identifier });
    expect(await early.within(100)).toEqual([]);
    late.send({ command: "subscribe", identifier });
    expect(await late.within(100)).toEqual([]);

    for (const client of [late, early]) {
      expect(await client.next()).toEqual({ type: "confirm_subscription", identifier });
    }
    expect(performance.now()).toBeGreaterThan(resumed);
    await first.publish("a", 1);
    for (const client of [late, early]) {
      expect(await client.next()).toEqual({ identifier, message: 1 });
    }
  });

  test("A subscription that is confirmed misses nothing that another node publishes from then on", async () => {
    await using redis = await RedisServer.start();
    await using first = await node(redis);
    await using second = await node(redis);
    using client = await welcomed(second);
    using rival = await welcomed(second);

    for (let round = 0; round < 100; round++) {
      const identifier = pubsub(`s${round}`);
      if (round % 2 === 0) rival.send({ command: "subscribe", identifier });
      await client.subscribe(identifier);
      await first.publish(`s${round}`, round);
      expect(await client.next()).toEqual({ identifier, message: round });
    }
  });

  test("messaging#18 After CLIENT KILL a node is back on 600 channels within a second, in three SUBSCRIBEs", async () => {
    await using redis = await RedisServer.start();
    await using server = await node(redis);
    using client = await welcomed(server);
    const identifiers = Array.from({ length: 600 }, (_, n) => pubsub(`s${n}`));
    for (const identifier of identifiers) client.send({ command: "subscribe", identifier });
    await client.messages(600);
    await redis.call("config", "resetstat");
    const killed = performance.now();

    await redis.call("client", "kill", "type", "pubsub");
    await server.logged(/INF reconnected .*channel=__anycable_internal__/);
    const channels = async () => (await redis.client.pubsub("CHANNELS")).length;
    await until("601 channels", async () => (await channels()) === 601);

    expect(performance.now() - killed).toBeLessThan(1500);
    expect(await redis.client.info("commandstats")).toContain("cmdstat_subscribe:calls=3,");
    await server.publish("s0", 1);
    await server.publish("s599", 2);
    expect(await client.next()).toEqual({ identifier: identifiers[0], message: 1 });
    expect(await client.next()).toEqual({ identifier: identifiers[599], message: 2 });
  });

  test("While Redis is away a publication is answered 501 and told; subscriptions wait a second and work afterwards", async () => {
    await using redis = await RedisServer.start();
    await using server = await node(redis);
    using client = await welcomed(server);
    await client.subscribe(pubsub("before"));
    const post = async (path: string, body: unknown): Promise<number> =>
      (await server.fetch(path, { method: "POST", body: JSON.stringify(body) })).status;
    const command = { command: "disconnect", payload: { identifier: "x" } };
    await redis.kill();
    await server.logged("ERR Redis pub/sub disconnected");

    expect(await post("/_broadcast", { stream: "new", data: "1" })).toBe(501);
    expect(await post("/api/publish", { stream: "new", data: "1" })).toBe(501);
    expect(await post("/_broadcast", command)).toBe(501);
    await server.loggedTimes("ERR failed to publish message ", 3);
    expect(linesWith(server, "failed to publish to Redis")).toHaveLength(3);
    await client.subscribe(pubsub("new"));
    await redis.start();
    await server.logged("INF reconnected", 10_000);

    await channelsBecome(redis, COMMANDS, "before", "new");
    const isTaken = async () => (await post("/_broadcast", { stream: "new", data: "2" })) === 201;
    await until("publications are taken again", isTaken);
    expect(await client.next()).toEqual({ identifier: pubsub("new"), message: 2 });
    await server.publish("before", 3);
    expect(await client.next()).toEqual({ identifier: pubsub("before"), message: 3 });
    await expectMetrics(server, { broadcast_msg_total: 2 });
  });
});
