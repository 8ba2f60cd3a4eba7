import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { jwt } from "../../support/tokens.ts";
import { expectSilence, welcomed, welcomedWithSid } from "../../support/welcomed.ts";
import { EXT, pubsub } from "../../support/wire.ts";

setDefaultTimeout(60_000);

const CHAT = pubsub("chat/1");

/** A message with its position, as clients get it. */
interface Positioned {
  readonly message: number;
  readonly epoch: string;
  readonly offset: number;
}

function node(redis: RedisServer, ...args: readonly string[]): Promise<Cableway> {
  return Cableway.start(["--norpc", "--broker=redis", `--redis_url=${redis.url}`, ...args]);
}

function publicNode(redis: RedisServer, ...args: readonly string[]): Promise<Cableway> {
  return node(redis, "--public", ...args);
}

async function listener(server: Cableway): Promise<RawClient> {
  const client = await welcomed(server, { subprotocol: EXT });
  await client.subscribe(CHAT);
  return client;
}

async function nextPositioned(client: RawClient): Promise<Positioned> {
  return (await client.next()) as Positioned; // compared by the caller
}

/** Asks for what came after a position. @returns messages, then how the answer ended */
async function historyAfter(
  client: RawClient,
  epoch: string,
  offset: number,
): Promise<readonly unknown[]> {
  const history = { streams: { "chat/1": { epoch, offset } } };
  client.send({ command: "history", identifier: CHAT, history });
  const answers: unknown[] = [];
  for (;;) {
    const { type, message } = (await client.next()) as { type?: string; message?: unknown }; // looked at below
    answers.push(type ?? message);
    if (type !== undefined) return answers;
  }
}

describe.skipIf(!HAS_REDIS)(titled("Nodes with a Redis broker"), () => {
  test("messaging#32 1000 publications by 20 publishers on two nodes have one order, the same for all clients", async () => {
    await using redis = await RedisServer.start();
    await using first = await publicNode(redis, "--history_limit=1000");
    await using second = await publicNode(redis, "--history_limit=1000");
    using a = await listener(first);
    using b = await listener(second);
    const publisher = async (at: number): Promise<void> => {
      for (let n = 0; n < 50; n++) await (at % 2 ? first : second).publish("chat/1", at * 50 + n);
    };

    await Promise.all(Array.from({ length: 20 }, (_, at) => publisher(at)));

    const [heardA, heardB]: [Positioned[], Positioned[]] = [[], []];
    for (let n = 0; n < 1000; n++) {
      heardA.push(await nextPositioned(a));
      heardB.push(await nextPositioned(b));
    }
    expect(heardA.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 1000 }, (_, n) => n + 1),
    );
    expect(heardB).toEqual(heardA);
    expect(new Set(heardA.map(({ message }) => message)).size).toBe(1000);
    expect(new Set(heardA.map(({ epoch }) => epoch)).size).toBe(1);
    const [, ...rest] = heardA.map(({ message }) => message);
    const missed = await historyAfter(b, heardA[0]?.epoch ?? "", 1);
    expect(missed).toEqual([...rest, "confirm_history"]);
  });

  test("What is published while a node's subscription is broken reaches its clients afterwards, in order, once", async () => {
    await using redis = await RedisServer.start();
    await using first = await publicNode(redis);
    await using second = await publicNode(redis);
    using a = await listener(first);
    using b = await listener(second);
    const publish = (value: number) => first.publish("chat/1", value);
    await publish(1);
    for (const client of [a, b]) expect(await client.next()).toMatchObject({ message: 1 });

    await redis.call("client", "kill", "type", "pubsub");
    for (const value of [2, 3, 4]) await publish(value);
    expect(await redis.listeners("chat/1")).toBe(0);

    for (const client of [a, b]) {
      for (const message of [2, 3, 4]) {
        expect(await client.next()).toMatchObject({ identifier: CHAT, message, offset: message });
      }
    }
    await publish(5);
    for (const client of [a, b]) {
      expect(await client.next()).toMatchObject({ message: 5, offset: 5 });
      await expectSilence(client);
    }
  });

  test("A session comes back on another node, with its streams, and misses nothing", async () => {
    await using redis = await RedisServer.start();
    await using first = await publicNode(redis);
    await using second = await publicNode(redis);
    const { client, sid } = await welcomedWithSid(first, { subprotocol: EXT });
    await client.subscribe(CHAT);
    await first.publish("chat/1", 1);
    const { epoch, offset } = await nextPositioned(client);
    client.drop();
    await second.publish("chat/1", 2);

    using returned = await second.connect({ subprotocol: EXT, path: `/cable?sid=${sid}` });
    expect(await returned.next()).toMatchObject({
      type: "welcome",
      restored: true,
      restored_ids: [CHAT],
    });
    expect(await historyAfter(returned, epoch, offset)).toEqual([2, "confirm_history"]);
    await first.publish("chat/1", 3);
    expect(await returned.next()).toMatchObject({ message: 3, epoch, offset: 3 });
  });

  test("A session sent away for good cannot come back on any node, one that may reconnect can", async () => {
    await using redis = await RedisServer.start();
    await using first = await node(redis, "--jwt_secret=k", "--public_streams");
    await using second = await node(redis, "--jwt_secret=k", "--public_streams");
    const arrive = (user: string) =>
      welcomedWithSid(first, { subprotocol: EXT, path: `/cable?jid=${jwt("k", { ext: user })}` });
    const back = (server: Cableway, sid: string) =>
      server.connect({ subprotocol: EXT, path: `/cable?sid=${sid}` });
    const outlaw = await arrive("1");
    const guest = await arrive("2");
    for (const { client } of [outlaw, guest]) await client.subscribe(CHAT);

    await second.disconnect("1", false);
    await second.disconnect("2", true);
    await outlaw.client.closed();
    await guest.client.closed();

    for (const server of [first, second]) {
      using refused = await back(server, outlaw.sid);
      expect(await refused.next()).toMatchObject({ type: "disconnect", reason: "unauthorized" });
      using returned = await back(server, guest.sid);
      expect(await returned.next()).toMatchObject({ type: "welcome", restored: true });
    }
  });

  test("messaging#33 After FLUSHALL messages begin a new epoch, old positions are refused, presence reappears", async () => {
    await using redis = await RedisServer.start();
    await using first = await publicNode(redis, "--presence_ttl=2");
    await using second = await publicNode(redis, "--presence_ttl=2");
    using client = await listener(first);
    using watcher = await listener(second);
    client.send({ command: "join", identifier: CHAT, presence: { id: "42", info: { name: "A" } } });
    expect(await watcher.next()).toMatchObject({ type: "presence", message: { type: "join" } });
    await first.publish("chat/1", 1);
    const old = await nextPositioned(watcher);

    await redis.call("flushall");
    const flushed = performance.now();

    expect(await historyAfter(watcher, old.epoch, old.offset)).toEqual(["reject_history"]);
    await second.publish("chat/1", 2);
    const fresh = await nextPositioned(watcher);
    expect(fresh).toMatchObject({ message: 2, offset: 1 });
    expect(fresh.epoch).not.toBe(old.epoch);
    expect(await historyAfter(watcher, old.epoch, old.offset)).toEqual(["reject_history"]);
    expect(await watcher.next(3000)).toMatchObject({ message: { type: "join", id: "42" } });
    expect(performance.now() - flushed).toBeLessThan(1500);
    watcher.send({ command: "presence", identifier: CHAT });
    expect(await watcher.next()).toMatchObject({
      message: { total: 1, records: [{ id: "42", info: { name: "A" } }] },
    });
  });

  test("Presence is one over all nodes: joins, info, leaves and sessions that share an id", async () => {
    await using redis = await RedisServer.start();
    await using first = await publicNode(redis);
    await using second = await publicNode(redis);
    using ann = await listener(first);
    using clone = await listener(second);
    const join = { command: "join", identifier: CHAT, presence: { id: "a", info: { n: 1 } } };
    const event = (message: unknown) => ({ type: "presence", identifier: CHAT, message });
    const info = { type: "info", total: 1, records: [{ id: "a", info: { n: 1 } }] };

    ann.send(join);
    for (const client of [ann, clone]) {
      expect(await client.next()).toEqual(event({ type: "join", id: "a", info: { n: 1 } }));
    }
    clone.send(join);
    clone.send({ command: "presence", identifier: CHAT });
    expect(await clone.next()).toEqual(event(info));
    const users = await second.fetch("/api/presence/chat%2F1/users");
    expect(await users.json()).toEqual(info);
    ann.send({ command: "leave", identifier: CHAT });
    await expectSilence(ann);
    clone.send({ command: "leave", identifier: CHAT });

    for (const client of [ann, clone]) {
      expect(await client.next()).toEqual(event({ type: "leave", id: "a" }));
    }
    const nobody = await first.fetch("/api/presence/chat%2F1/users");
    expect(await nobody.json()).toEqual({ type: "info", total: 0 });
  });

  test("messaging#34 When a node is killed its sessions leave within their time and two seconds, once", async () => {
    await using redis = await RedisServer.start();
    const args = ["--presence_ttl=2"];
    await using doomed = await publicNode(redis, ...args);
    await using second = await publicNode(redis, ...args);
    await using third = await publicNode(redis, ...args);
    using member = await listener(doomed);
    using clone = await listener(doomed);
    using witness = await listener(second);
    using other = await listener(third);
    const watchers = [witness, other];
    const join = (id: string) => ({ command: "join", identifier: CHAT, presence: { id } });
    member.send(join("42"));
    clone.send(join("both"));
    for (const watcher of watchers) await watcher.messages(2);
    witness.send(join("both"));
    await expectSilence(witness);

    doomed.signal("SIGKILL");
    const killed = performance.now();

    for (const watcher of watchers) {
      expect(await watcher.next(6000)).toEqual({
        type: "presence",
        identifier: CHAT,
        message: { type: "leave", id: "42" },
      });
    }
    expect(performance.now() - killed).toBeLessThan(4000);
    expect(await other.within(2500)).toEqual([]);
    other.send({ command: "presence", identifier: CHAT });
    expect(await other.next()).toMatchObject({ message: { total: 1, records: [{ id: "both" }] } });
  });

  test("messaging#44 A Redis restarted from an older snapshot begins a new epoch; older positions are refused", async () => {
    await using redis = await RedisServer.start();
    await using server = await publicNode(redis);
    using client = await listener(server);
    for (const n of [1, 2]) await server.publish("chat/1", n);
    await client.messages(2);
    await redis.call("save");
    await server.publish("chat/1", 3);
    const last = await nextPositioned(client);

    await redis.kill();
    await redis.start();
    await server.loggedTimes("INF reconnected", 1, 10_000);

    expect(await redis.client.keys("ac:*:m:chat/1")).toHaveLength(1);
    expect(await historyAfter(client, last.epoch, last.offset)).toEqual(["reject_history"]);
    expect(await historyAfter(client, last.epoch, 2)).toEqual(["reject_history"]);
    await publishWhenReady(server, 4);
    const fresh = await nextPositioned(client);
    expect(fresh).toMatchObject({ message: 4, offset: 1 });
    expect(fresh.epoch).not.toBe(last.epoch);
    expect(await historyAfter(client, last.epoch, last.offset)).toEqual(["reject_history"]);
    await server.publish("chat/1", 5);
    expect(await nextPositioned(client)).toMatchObject({ epoch: fresh.epoch, offset: 2 });
    expect(await historyAfter(client, fresh.epoch, 1)).toEqual([5, "confirm_history"]);
  });
});

/** Publishes as soon as the broker is connected again. */
async function publishWhenReady(server: Cableway, value: number): Promise<void> {
  const body = JSON.stringify({ stream: "chat/1", data: `${value}` });
  for (let attempt = 0; attempt < 500; attempt++) {
    const { status } = await server.fetch("/_broadcast", { method: "POST", body });
    if (status === 201) return;
    await Bun.sleep(10);
  }
  throw new Error("the broker does not come back");
}
