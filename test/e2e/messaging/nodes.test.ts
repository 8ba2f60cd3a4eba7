import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Application, accepted } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { RedisEar } from "../../support/redis-ear.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { jwt } from "../../support/tokens.ts";
import { expectMetrics, expectSilence, linesWith, welcomed } from "../../support/welcomed.ts";
import { channel, pubsub } from "../../support/wire.ts";

setDefaultTimeout(30_000);

const CHAT = pubsub("chat/1");
const COMMANDS = pubsub("__anycable_internal__");
const ALL_WAYS = "--broadcast_adapter=http,redis,redisx";

function node(redis: RedisServer, ...args: readonly string[]): Promise<Cableway> {
  return Cableway.start(["--public", "--norpc", `--redis_url=${redis.url}`, ALL_WAYS, ...args]);
}

/** A node on which clients say by token who they are. */
function identifyingNode(redis: RedisServer, ...args: readonly string[]): Promise<Cableway> {
  return Cableway.start(["--jwt_secret=k", "--norpc", `--redis_url=${redis.url}`, ...args]);
}

function arrive(server: Cableway, user: string): Promise<RawClient> {
  return welcomed(server, { path: `/cable?jid=${jwt("k", { ext: user })}` });
}

async function listener(server: Cableway): Promise<RawClient> {
  const client = await welcomed(server);
  await client.subscribe(CHAT);
  return client;
}

/** The client was sent away by a command, with these words. */
async function expectSentAway(client: RawClient, reconnect: boolean): Promise<void> {
  const text = `{"type":"disconnect","reason":"remote","reconnect":${reconnect}}`;
  expect(await client.nextText()).toBe(text);
  expect(await client.closed()).toEqual({ code: 1000, reason: "Closed remotely" });
}

type Send = (body: string, redis: RedisServer, first: Cableway) => Promise<unknown>;
const WAYS: readonly (readonly [string, Send])[] = [
  ["http", (body, _redis, first) => first.fetch("/_broadcast", { method: "POST", body })],
  ["redis", (body, redis) => redis.call("publish", "__anycable__", body)],
  ["redisx", (body, redis) => redis.call("xadd", "__anycable__", "*", "payload", body)],
];

describe.skipIf(!HAS_REDIS)(titled("Nodes on one Redis"), () => {
  test.each(WAYS)(
    "A publication by %s reaches the clients of all three nodes, once",
    async (_way, send) => {
      await using redis = await RedisServer.start();
      await using first = await node(redis);
      await using second = await node(redis);
      await using third = await node(redis);
      using a = await listener(first);
      using b = await listener(second);
      using c = await listener(third);
      const publish = (...values: readonly number[]) => {
        const list = values.map((value) => ({ stream: "chat/1", data: `${value}` }));
        return send(JSON.stringify(list.length === 1 ? list[0] : list), redis, first);
      };

      await publish(1);
      for (const client of [a, b, c]) {
        expect(await client.next()).toEqual({ identifier: CHAT, message: 1 });
      }
      await publish(2, 3, 4);

      for (const client of [a, b, c]) {
        for (const message of [2, 3, 4]) {
          expect(await client.next()).toEqual({ identifier: CHAT, message });
        }
        await expectSilence(client);
      }
    },
  );

  test("messaging#11 A disconnect by HTTP ends all sessions of the identifiers, on all nodes", async () => {
    await using redis = await RedisServer.start();
    await using first = await identifyingNode(redis);
    await using second = await identifyingNode(redis);
    using other = await arrive(second, "43");
    const places = [first, first, second, second];
    const sessions = await Promise.all(places.map((server) => arrive(server, "42")));

    await first.disconnect("42");

    for (const session of sessions) await expectSentAway(session, false);
    await expectSilence(other);
    for (const server of [first, second]) {
      await expectMetrics(server, { remote_commands_total: 1, broadcast_msg_total: 1 });
    }
    await first.disconnect("43", true);
    await expectSentAway(other, true);
  });

  test("messaging#19 A node without a client on the stream does not get its publications", async () => {
    await using redis = await RedisServer.start();
    await using first = await node(redis);
    await using second = await node(redis);
    using client = await listener(second);

    await first.publish("chat/1", 1);

    expect(await client.next()).toEqual({ identifier: CHAT, message: 1 });
    await expectMetrics(second, { broadcast_msg_total: 1 });
    await expectMetrics(first, { broadcast_msg_total: 0, publications_total: 1 });
  });

  test("messaging#20 What nodes send each other has its keys in a fixed order, absent ones left out", async () => {
    await using redis = await RedisServer.start();
    await using plain = await node(redis);
    await using remembering = await node(redis, "--broker=redis");
    using ear = await RedisEar.open(redis, "chat/1", "__anycable_internal__");
    const meta = { transient: true, broadcast_type: "t", exclude_socket: "s1", unknown: 1 };

    await plain.publish("chat/1", { a: 1 });
    await plain.publish("chat/1", "x", meta);
    await plain.broadcast({ stream: "chat/1", offset: 42, epoch: "aB3x", data: "x", meta: null });
    await plain.disconnect('{"user":"42"}', true);
    await remembering.publish("chat/1", { a: 1 }, { exclude_socket: "s1" });

    const heard = await ear.reaches(5);
    expect(heard.slice(0, 4)).toEqual([
      '{"stream":"chat/1","data":"{\\"a\\":1}"}',
      '{"stream":"chat/1","data":"x","meta":{"exclude_socket":"s1","broadcast_type":"t","transient":true}}',
      '{"stream":"chat/1","data":"x","offset":42,"epoch":"aB3x"}',
      '{"command":"disconnect","payload":{"identifier":"{\\"user\\":\\"42\\"}","reconnect":true}}',
    ]);
    expect(heard[4]).toMatch(
      /^\{"stream":"chat\/1","data":"\{\\"a\\":1\}","meta":\{"exclude_socket":"s1"\},"offset":1,"epoch":"[\w-]{4}"\}$/,
    );
  });

  test("messaging#21 A broadcast channel named like the command channel moves the latter, with a warning", async () => {
    await using redis = await RedisServer.start();
    const shared = ["--broadcast_adapter=http,redis", "--redis_channel=__anycable_internal__"];
    await using first = await identifyingNode(redis, ...shared);
    await using second = await identifyingNode(redis, ...shared);
    using client = await arrive(second, "42");
    using ear = await RedisEar.open(redis, "__anycable_internal__-int");

    expect(first.log).toContain("__anycable_internal__-int");
    expect(
      linesWith(first, "subscribed to Redis channel", "channel=__anycable_internal__"),
    ).toHaveLength(1);
    await first.disconnect("42");

    await expectSentAway(client, false);
    expect(await ear.reaches(1)).toEqual([
      '{"command":"disconnect","payload":{"identifier":"42"}}',
    ]);
  });

  test("messaging#39 No client can deafen a node to remote commands, by leaving or by closing", async () => {
    await using redis = await RedisServer.start();
    const args = ["--jwt_secret=k", "--norpc", "--public_streams", `--redis_url=${redis.url}`];
    await using first = await Cableway.start(args);
    await using second = await Cableway.start([...args, "--debug"]);
    using victim = await arrive(second, "42");
    using leaver = await arrive(second, "1");
    using closer = await arrive(second, "2");

    for (const client of [leaver, closer]) {
      client.send({ command: "subscribe", identifier: COMMANDS });
      expect(await client.next()).toEqual({ type: "reject_subscription", identifier: COMMANDS });
      client.send({ command: "unsubscribe", identifier: COMMANDS });
      await expectSilence(client);
    }
    closer.drop();
    await second.logged("WebSocket session completed");
    expect(await redis.listeners("__anycable_internal__")).toBe(2);
    await first.disconnect("42");

    await expectSentAway(victim, false);
  });

  test("messaging#39 Nor can an application that hands out the command channel as a stream", async () => {
    await using redis = await RedisServer.start();
    await using application = await Application.start({
      command: (request) => accepted(request, { streams: ["__anycable_internal__"] }),
    });
    await using server = await Cableway.start([application.option, `--redis_url=${redis.url}`]);
    using victim = await welcomed(server);
    using leaver = await welcomed(server);
    await leaver.subscribe(channel("Chat"));
    leaver.send({ command: "unsubscribe", identifier: channel("Chat") });
    await application.called("command", 2);
    await expectSilence(leaver);

    await server.disconnect("me");

    await expectSentAway(victim, false);
    await expectSentAway(leaver, false);
  });

  test("Channel names that look like patterns are plain names", async () => {
    await using redis = await RedisServer.start();
    await using first = await node(redis);
    await using second = await node(redis);
    using greedy = await welcomed(second);
    const names = ["*", "chat/*", "chat/[1]", ">", "a b", "ч\n"];
    for (const name of names) await greedy.subscribe(pubsub(name));

    await first.publish("chat/1", 0);
    for (const name of names) await first.publish(name, name);

    const expected = names.map((name) => ({ identifier: pubsub(name), message: name }));
    expect(await greedy.messages(names.length)).toEqual(expected);
    await expectSilence(greedy);
  });
});
