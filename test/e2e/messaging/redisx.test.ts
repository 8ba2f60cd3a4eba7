import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { jwt } from "../../support/tokens.ts";
import { until } from "../../support/until.ts";
import { expectMetrics, expectSilence, linesWith, welcomed } from "../../support/welcomed.ts";
import { pubsub } from "../../support/wire.ts";

setDefaultTimeout(30_000);

const STREAM = "__anycable__";
const CHAT = pubsub("chat/1");
const REDISX = "--broadcast_adapter=http,redisx";

function node(redis: RedisServer, ...args: readonly string[]): Promise<Cableway> {
  return Cableway.start(["--public", "--norpc", REDISX, `--redis_url=${redis.url}`, ...args]);
}

/** The application's part. @returns the entry's id */
async function add(redis: RedisServer, payload: unknown): Promise<string> {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  return String(await redis.call("xadd", STREAM, "*", "payload", text));
}

function chat(value: number) {
  return { stream: "chat/1", data: `${value}` };
}

async function listener(server: Cableway): Promise<RawClient> {
  const client = await welcomed(server);
  await client.subscribe(CHAT);
  return client;
}

/** Entries that some consumer has and nobody has acknowledged. */
async function pending(redis: RedisServer): Promise<number> {
  return ((await redis.call("xpending", STREAM, "bx")) as [number])[0]; // XPENDING's summary begins with the count
}

async function isStreamEmpty(redis: RedisServer): Promise<boolean> {
  return (await redis.client.xlen(STREAM)) === 0 && (await pending(redis)) === 0;
}

describe.skipIf(!HAS_REDIS)(titled("redisx"), () => {
  test("messaging#13 What came before the first start is never read; what came while nobody was there is", async () => {
    await using redis = await RedisServer.start();
    const before = await add(redis, chat(0));
    {
      await using first = await node(redis, "--broker=redis");
      using client = await listener(first);
      await add(redis, chat(1));
      expect(await client.next()).toMatchObject({ message: 1, offset: 1 });
      await until("acknowledged", async () => (await redis.client.xlen(STREAM)) === 1);
    }
    for (const value of [2, 3]) await add(redis, chat(value));

    await using again = await node(redis, "--broker=redis");
    await until("all acknowledged", async () => (await redis.client.xlen(STREAM)) === 1);
    await expectMetrics(again, { publications_total: 2 });

    using client = await listener(again);
    client.send({ command: "history", identifier: CHAT, history: { since: 1 } });
    for (const message of [1, 2, 3]) {
      expect(await client.next()).toMatchObject({ message, offset: message });
    }
    expect(await client.next()).toEqual({ type: "confirm_history", identifier: CHAT });
    expect(await pending(redis)).toBe(0);
    expect((await redis.client.xrange(STREAM, "-", "+")).map(([id]) => id)).toEqual([before]);
  });

  test("messaging#14 An entry of a node that was killed before it acknowledged goes to another one within 4 s", async () => {
    await using redis = await RedisServer.start();
    await using doomed = await node(redis);
    await using second = await node(redis);
    using client = await listener(second);
    await until("both read", async () => (await readers(redis)) === 2);
    doomed.signal("SIGSTOP");
    const sent: number[] = [];
    const isStuck = async (): Promise<boolean> => {
      sent.push(sent.length + 1);
      await add(redis, chat(sent.length));
      await Bun.sleep(100); // the living one has acknowledged its own by then
      return (await pending(redis)) > 0;
    };
    await until("an entry is with the stopped node", isStuck);

    doomed.signal("SIGKILL");
    const killed = performance.now();
    const received: unknown[] = [];
    while (received.length < sent.length) {
      received.push(((await client.next(6000)) as { readonly message: unknown }).message); // compared below
    }

    expect(performance.now() - killed).toBeLessThan(4500);
    expect([...received].sort()).toEqual([...sent].sort());
    await until("everything acknowledged", () => isStreamEmpty(redis));
    await expectSilence(client);
  });

  test("messaging#15 An entry without payload is told and taken out, garbage too; the others are not affected", async () => {
    await using redis = await RedisServer.start();
    await using server = await node(redis);
    using client = await listener(server);

    await redis.call("xadd", STREAM, "*", "body", JSON.stringify(chat(1)));
    await add(redis, "garbage");
    await redis.call("xadd", STREAM, "*", "x", "y", "payload", JSON.stringify(chat(2)), "z", "1");

    expect(await client.next()).toEqual({ identifier: CHAT, message: 2 });
    await until("all taken out", () => isStreamEmpty(redis));
    await server.logged(/ERR Redis stream handler failed .*missing payload field/);
    await server.logged(/WRN failed to parse pubsub message .*data=garbage/);
    await expectMetrics(server, { failed_broadcast_msg_total: 1, publications_total: 1 });
    await expectSilence(client);
  });

  test("messaging#16 A graceful shutdown leaves an unacknowledged entry to the other nodes", async () => {
    await using redis = await RedisServer.start();
    const rights = ["~*", "+@all", "resetchannels", `&__anycable_internal__`];
    await redis.call("acl", "setuser", "mute", "on", ">secret", ...rights);
    const url = redis.url.replace("//", "//mute:secret@");
    await using mute = await Cableway.start(["--public", REDISX, `--redis_url=${url}`]);
    await add(redis, chat(1));
    await mute.logged(/ERR Redis stream handler failed .*it will be tried again/);
    expect(await pending(redis)).toBe(1);

    mute.signal("SIGTERM");
    expect(await mute.exited()).toBe(0);

    expect(await pending(redis)).toBe(1);
    await using second = await node(redis, "--broker=redis");
    await until("taken over", () => isStreamEmpty(redis));
    await expectMetrics(second, { publications_total: 1 });
    using client = await listener(second);
    client.send({ command: "history", identifier: CHAT, history: { since: 1 } });
    expect(await client.next()).toMatchObject({ message: 1, offset: 1 });
  });

  test("A graceful shutdown with nothing pending takes the node's name out of the group", async () => {
    await using redis = await RedisServer.start();
    await using server = await node(redis);
    using client = await listener(server);
    await add(redis, chat(1));
    await client.next();
    const consumers = async () =>
      (await redis.client.xinfo("CONSUMERS", STREAM, "bx")) as unknown[];
    expect(await consumers()).toHaveLength(1);

    server.signal("SIGTERM");
    expect(await server.exited(3000)).toBe(0);

    expect(await consumers()).toEqual([]);
    expect(await isStreamEmpty(redis)).toBe(true);
  });

  test("A command by redisx reaches all nodes", async () => {
    await using redis = await RedisServer.start();
    const args = ["--jwt_secret=k", "--norpc", REDISX, `--redis_url=${redis.url}`];
    await using first = await Cableway.start(args);
    await using second = await Cableway.start(args);
    const arrival = { path: `/cable?jid=${jwt("k", { ext: "42" })}` };
    using a = await welcomed(first, arrival);
    using b = await welcomed(second, arrival);

    await add(redis, { command: "disconnect", payload: { identifier: "42", reconnect: true } });

    for (const client of [a, b]) {
      const text = '{"type":"disconnect","reason":"remote","reconnect":true}';
      expect(await client.nextText()).toBe(text);
    }
  });

  test("messaging#41 `[null]` and a batch with null stop no node, by http, redis and redisx", async () => {
    await using redis = await RedisServer.start();
    const all = "--broadcast_adapter=http,redis,redisx";
    await using first = await node(redis, all);
    await using second = await node(redis, all);
    using a = await listener(first);
    using b = await listener(second);
    const batch = (value: number) => JSON.stringify([chat(value), null, {}, chat(value + 1)]);
    const expectBoth = async (...values: readonly number[]): Promise<void> => {
      const expected = values.map((message) => ({ identifier: CHAT, message }));
      for (const client of [a, b]) expect(await client.messages(values.length)).toEqual(expected);
    };

    for (const body of ["[null]", batch(1)]) {
      expect((await first.fetch("/_broadcast", { method: "POST", body })).status).toBe(201);
    }
    await expectBoth(1, 2);
    for (const body of ["[null]", "null", batch(3)]) await redis.call("publish", STREAM, body);
    await expectBoth(3, 4);
    for (const body of ["[null]", batch(5)]) await add(redis, body);
    await expectBoth(5, 6);

    await until("entries taken out", () => isStreamEmpty(redis));
    for (const server of [first, second]) {
      expect(
        linesWith(server, "WRN failed to parse pubsub message", "[null]").length,
      ).toBeGreaterThan(0);
      expect(server.isRunning).toBe(true);
    }
    const malformed = async (server: Cableway) => server.metric("failed_broadcast_msg_total");
    // By HTTP one, by redis two at each node, by redisx one at either.
    expect((await malformed(first)) + (await malformed(second))).toBe(6);
  });
});

async function readers(redis: RedisServer): Promise<number> {
  const clients = await redis.clients();
  return clients.filter((c) => c.get("cmd") === "xreadgroup" && c.get("flags") === "b").length;
}
