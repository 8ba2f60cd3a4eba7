import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { unixSeconds } from "../../support/tokens.ts";
import { until } from "../../support/until.ts";
import { welcomed, welcomedWithSid } from "../../support/welcomed.ts";
import { EXT, pubsub } from "../../support/wire.ts";

setDefaultTimeout(30_000);

const CHAT = pubsub("chat/1");
const REJECTED = "reject_history";
const CONFIRMED = "confirm_history";

function node(redis: RedisServer, ...args: readonly string[]): Promise<Cableway> {
  const url = `--redis_url=${redis.url}`;
  return Cableway.start(["--public", "--norpc", "--broker=redis", url, ...args]);
}

async function listener(server: Cableway): Promise<RawClient> {
  const client = await welcomed(server, { subprotocol: EXT });
  await client.subscribe(CHAT);
  return client;
}

interface Answer {
  readonly type?: string;
  readonly message?: unknown;
  readonly epoch?: string;
}

/** Messages of the past, then how the answer ended. */
async function ask(client: RawClient, history: unknown): Promise<readonly unknown[]> {
  client.send({ command: "history", identifier: CHAT, history });
  const answers: unknown[] = [];
  for (;;) {
    const { type, message } = (await client.next()) as Answer; // looked at by the caller
    answers.push(type ?? message);
    if (type !== undefined) return answers;
  }
}

async function epochOf(client: RawClient): Promise<string> {
  return ((await client.next()) as Answer).epoch ?? "";
}

describe.skipIf(!HAS_REDIS)(titled("Clock and TTL edges of the Redis broker"), () => {
  test.concurrent("With two kept of three, positions 1 to 3 are good, 0, 4 and other epochs are not", async () => {
    await using redis = await RedisServer.start();
    await using server = await node(redis, "--history_limit=2");
    using client = await listener(server);
    for (const n of [1, 2, 3]) await server.publish("chat/1", n);
    const epoch = await epochOf(client);
    await client.messages(2);
    const from = (offset: number, of = epoch) =>
      ask(client, { streams: { "chat/1": { epoch: of, offset } } });

    expect(await from(0)).toEqual([REJECTED]);
    expect(await from(1)).toEqual([2, 3, CONFIRMED]);
    expect(await from(2)).toEqual([3, CONFIRMED]);
    expect(await from(3)).toEqual([CONFIRMED]);
    expect(await from(4)).toEqual([REJECTED]);
    expect(await from(2, "none")).toEqual([REJECTED]);
    expect(await ask(client, { since: 1 })).toEqual([2, 3, CONFIRMED]);
  });

  test.concurrent("`since` counts whole seconds of Redis, its own second included; the future holds nothing", async () => {
    await using redis = await RedisServer.start();
    await using server = await node(redis);
    using client = await listener(server);
    await server.publish("chat/1", 1);
    await client.next();
    const [, fields] = (await redis.client.xrange(await historyKey(redis), "-", "+"))[0] ?? [];
    const storedS = Number(fields?.[fields.indexOf("t") + 1]);

    expect(Math.abs(storedS - unixSeconds())).toBeLessThan(3);
    expect(await ask(client, { since: storedS })).toEqual([1, CONFIRMED]);
    expect(await ask(client, { since: storedS + 1 })).toEqual([CONFIRMED]);
    expect(await ask(client, { since: unixSeconds(3600) })).toEqual([CONFIRMED]);
    expect(await ask(client, { since: unixSeconds() * 1000 })).toEqual([CONFIRMED]);
  });

  test.concurrent("History expires as a whole after its last message; who is up to date stays so, the numbers go on", async () => {
    await using redis = await RedisServer.start();
    await using server = await node(redis, "--history_ttl=1");
    using client = await listener(server);
    for (const n of [1, 2]) await server.publish("chat/1", n);
    const epoch = await epochOf(client);
    await client.next();
    const from = (offset: number) => ask(client, { streams: { "chat/1": { epoch, offset } } });
    expect(await from(1)).toEqual([2, CONFIRMED]);

    await until("expired", async () => (await redis.client.keys("ac:*:h:*")).length === 0);

    expect(await from(1)).toEqual([REJECTED]);
    expect(await from(2)).toEqual([CONFIRMED]);
    expect(await ask(client, { since: 1 })).toEqual([CONFIRMED]);
    await server.publish("chat/1", 3);
    expect(await client.next()).toMatchObject({ message: 3, epoch, offset: 3 });
    expect(await from(2)).toEqual([3, CONFIRMED]);
    expect(await from(1)).toEqual([REJECTED]);
  });

  test.concurrent("When the position itself has expired a new epoch begins", async () => {
    await using redis = await RedisServer.start();
    await using server = await node(redis, "--history_ttl=1");
    using client = await listener(server);
    await server.publish("chat/1", 1);
    const epoch = await epochOf(client);
    const [meta = ""] = await redis.client.keys("ac:*:m:*");
    expect(await redis.client.ttl(meta)).toBeGreaterThan(55);

    await redis.call("pexpire", meta, 1);
    await until("expired", async () => (await redis.client.exists(meta)) === 0);
    await server.publish("chat/1", 2);

    const next = (await client.next()) as Answer & { readonly offset: number }; // compared below
    expect(next).toMatchObject({ message: 2, offset: 1 });
    expect(next.epoch).not.toBe(epoch);
    expect(await ask(client, { streams: { "chat/1": { epoch, offset: 1 } } })).toEqual([REJECTED]);
  });

  test.concurrent("A session comes back within its time on any node, not a moment later; a connected one always", async () => {
    await using redis = await RedisServer.start();
    await using first = await node(redis, "--sessions_ttl=2");
    await using second = await node(redis, "--sessions_ttl=2");
    const gone = await welcomedWithSid(first, { subprotocol: EXT });
    const present = await welcomedWithSid(first, { subprotocol: EXT });
    using _present = present.client;
    for (const { client } of [gone, present]) await client.subscribe(CHAT);
    const back = (sid: string) => second.connect({ subprotocol: EXT, path: `/cable?sid=${sid}` });
    gone.client.drop();

    await Bun.sleep(1200);
    using early = await back(gone.sid);
    expect(await early.next()).toMatchObject({ restored: true, restored_ids: [CHAT] });
    await Bun.sleep(2500);

    using late = await back(gone.sid);
    expect(await late.next()).not.toHaveProperty("restored");
    using clone = await back(present.sid);
    expect(await clone.next()).toMatchObject({ restored: true });
  });

  test.concurrent("Presence outlives a dropped connection by its time, and a connected client never leaves", async () => {
    await using redis = await RedisServer.start();
    await using first = await node(redis, "--presence_ttl=1");
    await using second = await node(redis, "--presence_ttl=1");
    using watcher = await listener(second);
    using stayer = await listener(first);
    const leaver = await listener(first);
    stayer.send({ command: "join", identifier: CHAT, presence: { id: "stays" } });
    leaver.send({ command: "join", identifier: CHAT, presence: { id: "leaves" } });
    await watcher.messages(2);
    await Bun.sleep(2500); // more than twice the time
    expect(await watcher.within(1)).toEqual([]);

    leaver.drop();
    const dropped = performance.now();

    expect(await watcher.next()).toMatchObject({ message: { type: "leave", id: "leaves" } });
    const took = performance.now() - dropped;
    expect(took).toBeGreaterThan(900);
    expect(took).toBeLessThan(3200);
    expect(await watcher.within(1500)).toEqual([]);
  });
});

async function historyKey(redis: RedisServer): Promise<string> {
  return (await redis.client.keys("ac:*:h:*"))[0] ?? "";
}
