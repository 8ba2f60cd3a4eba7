import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Redis } from "ioredis";
import type { History } from "../../../src/ports/broker.ts";
import { meta, publication } from "../../support/publications.ts";
import { type RedisMemorySettings, startRedisMemory } from "../../support/redis-memory.ts";
import { RedisSentinel } from "../../support/redis-sentinel.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";

const NEVER = new AbortController().signal;

describe.skipIf(!HAS_REDIS)(titled("RedisBroker"), () => {
  let server: RedisServer;
  const running: { stop(): Promise<void> }[] = [];
  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((node) => node.stop()));
    await server.stop();
  });

  async function start(settings: RedisMemorySettings = {}, url = server.url) {
    const node = await startRedisMemory(url, settings);
    running.push(node);
    return node;
  }

  test("RedisBroker stores and publishes in one step, in the words of the reference", async () => {
    const { broker } = await start({ epochs: ["vRXl"] });
    const ear = new Redis({ port: server.port, protocol: 2, replyMapping: "legacy" });
    const heard: string[] = [];
    ear.on("message", (_channel: string, message: string) => heard.push(message));
    await ear.subscribe("chat/1");

    await broker.publish(publication("chat/1", '{"a":1}'));
    await broker.publish(publication("chat/1", "x", { meta: meta({ excludeSocket: "s1" }) }));

    await until("heard", () => heard.length === 2);
    expect(heard).toEqual([
      '{"stream":"chat/1","data":"{\\"a\\":1}","offset":1,"epoch":"vRXl"}',
      '{"stream":"chat/1","data":"x","meta":{"exclude_socket":"s1"},"offset":2,"epoch":"vRXl"}',
    ]);
    ear.disconnect();
  });

  test("RedisBroker says at the start what it keeps and where", async () => {
    const { log } = await start({ historyLimit: 7 });

    expect(log.messages("info")).toContain(
      "Using Redis broker at localhost:6379 (history limit: 7, history ttl: 300s, sessions ttl: 300s, presence ttl: 15s)",
    );
  });

  test("RedisBroker gives 1000 concurrent messages of two nodes the offsets 1 to 1000, live in that order everywhere", async () => {
    const nodes = [await start({ historyLimit: 2000 }), await start({ historyLimit: 2000 })];
    await Promise.all(nodes.map(({ broker }) => broker.subscribe("s")));
    const work = nodes.flatMap(({ broker }, node) =>
      Array.from({ length: 500 }, (_, n) => broker.publish(publication("s", `${node}.${n}`))),
    );

    await Promise.all(work);

    const offsets = Array.from({ length: 1000 }, (_, n) => n + 1);
    for (const { delivery } of nodes) {
      const live = await delivery.publicationsReach(1000);
      expect(live.map(({ offset }) => offset)).toEqual(offsets);
      expect(new Set(live.map(({ epoch }) => epoch)).size).toBe(1);
    }
  });

  test("RedisBroker keeps transient and stored publications in the order of the calls", async () => {
    const { broker, delivery } = await start();
    await broker.subscribe("s");
    const transient = meta({ transient: true });
    const each = Array.from({ length: 200 }, (_, n) =>
      publication("s", String(n), n % 2 === 0 ? {} : { meta: transient }),
    );

    await Promise.all(each.map((one) => broker.publish(one)));

    const live = await delivery.publicationsReach(200);
    expect(live.map(({ data }) => Number(data))).toEqual(each.map((_, n) => n));
  });

  test("RedisBroker keeps the order when the server has forgotten its scripts", async () => {
    const { broker, delivery } = await start();
    await broker.subscribe("s");
    await server.call("script", "flush");

    await Promise.all(
      Array.from({ length: 50 }, (_, n) => broker.publish(publication("s", String(n)))),
    );

    const live = await delivery.publicationsReach(50);
    expect(live.map(({ data }) => Number(data))).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  test("RedisBroker begins a new epoch at offset 1 after a flush, and rejects older positions", async () => {
    const { broker, delivery } = await start();
    await broker.subscribe("s");
    await broker.publish(publication("s", "1"));
    const [old] = await delivery.publicationsReach(1);
    await server.call("flushall");
    const unknown = await broker.historyFrom("s", { epoch: old?.epoch ?? "", offset: 1 });

    await broker.publish(publication("s", "2"));

    const fresh = (await delivery.publicationsReach(2))[1];
    expect([fresh?.offset, fresh?.epoch === old?.epoch]).toEqual([1, false]);
    const stale = await broker.historyFrom("s", { epoch: old?.epoch ?? "", offset: 1 });
    expect([unknown.ok, stale.ok]).toEqual([false, false]);
  });

  test("RedisBroker rejects positions from before a restart with an older snapshot, and begins a new epoch", async () => {
    const { broker, delivery } = await start();
    await broker.subscribe("s");
    for (const data of ["1", "2"]) await broker.publish(publication("s", data));
    await server.call("save");
    await broker.publish(publication("s", "3"));
    const { epoch = "" } = (await delivery.publicationsReach(3))[2] ?? {};
    await server.kill();
    await server.start();
    expect(await server.call("hget", metaKey(await keys(server)), "o")).toBe("2");

    await until("connected", async () => publishes(broker.publish(publication("t", ""))), 8000);
    const stale = await broker.historyFrom("s", { epoch, offset: 2 });
    await until("subscribed", async () => (await server.listeners("s")) === 1, 8000);
    await broker.publish(publication("s", "4"));

    const live = await delivery.publicationsReach(4);
    const fresh = live.at(-1);
    expect(stale.ok).toBe(false);
    expect([fresh?.offset, fresh?.data, fresh?.epoch === epoch]).toEqual([1, "4", false]);
  }, 15_000);

  test("RedisBroker counts on, and holds the newest position good, when all messages have expired", async () => {
    const { broker, delivery } = await start({ historyTtlS: 1 });
    await broker.subscribe("s");
    for (const data of ["1", "2"]) await broker.publish(publication("s", data));
    const { epoch = "" } = (await delivery.publicationsReach(2))[1] ?? {};
    const isEmpty = async () => texts(await broker.historySince("s", 1)).length === 0;
    await until("expired", isEmpty);

    expect(await broker.historyFrom("s", { epoch, offset: 2 })).toEqual({
      ok: true,
      publications: [],
    });
    expect((await broker.historyFrom("s", { epoch, offset: 1 })).ok).toBe(false);
    expect(await broker.peak("s")).toBeNull();
    await broker.publish(publication("s", "3"));
    expect(texts(await broker.historyFrom("s", { epoch, offset: 2 }))).toEqual(["3"]);
    expect(await broker.peak("s")).toEqual({ epoch, offset: 3 });
  });

  test("RedisBroker asks once for all clients that ask the same in one turn, and keeps questions apart", async () => {
    const { broker, delivery } = await start();
    await broker.subscribe("b c");
    for (const stream of ["c", "b c"]) await broker.publish(publication(stream, stream));
    const { epoch = "" } = (await delivery.publicationsReach(1))[0] ?? {};
    await server.call("config", "resetstat");

    const same = Array.from({ length: 500 }, () => broker.historyFrom("b c", { epoch, offset: 0 }));
    const other = broker.historyFrom("c", { epoch: `${epoch} b`, offset: 0 });

    const answers = await Promise.all(same);
    expect(answers.every((answer) => texts(answer)[0] === "b c")).toBe(true);
    expect((await other).ok).toBe(false);
    const stats = await server.client.info("commandstats");
    expect(stats).toContain("cmdstat_xrange:calls=2,");
  });

  test("RedisBroker answers with a refusal, never with a gap, when part of the history was evicted", async () => {
    const { broker, delivery } = await start({ historyLimit: 10 });
    await broker.subscribe("s");
    for (let n = 1; n <= 5; n += 1) await broker.publish(publication("s", String(n)));
    const { epoch = "" } = (await delivery.publicationsReach(5))[0] ?? {};
    const history = (await keys(server)).find((key) => key.includes(":h:")) ?? "";
    await server.call("xdel", history, "3-0");

    expect((await broker.historyFrom("s", { epoch, offset: 2 })).ok).toBe(false);
    expect(texts(await broker.historyFrom("s", { epoch, offset: 3 }))).toEqual(["4", "5"]);
  });

  test("RedisBroker refuses everything while Redis is away, at once, and goes on when it is back", async () => {
    const { broker, sessions, presence } = await start();
    await server.kill();
    const began = Date.now();

    const publishing = await broker
      .publish(publication("s", "1"))
      .catch((e: { code: string }) => e.code);
    const history = await broker.historySince("s", 1);
    const others = await Promise.allSettled([
      sessions.restore("x"),
      sessions.touch("x"),
      presence.join("s", "x", "42", ""),
      presence.info("s", true),
    ]);

    expect(Date.now() - began).toBeLessThan(500);
    expect([publishing, history.ok]).toEqual(["publish_failed", false]);
    expect(others.map((outcome) => outcome.status === "rejected" && outcome.reason.code)).toEqual(
      Array(4).fill("redis_unavailable"),
    );
    await server.start();
    await until("publishes", () => publishes(broker.publish(publication("s", "2"))), 8000);
  }, 15_000);

  test("RedisBroker says that Redis is gone for good, once", async () => {
    const { fatal, log } = await start({ maxReconnectAttempts: 1 });
    await server.kill();

    await until("given up", () => fatal.includes("Redis reconnect attempts exceeded"));

    expect(fatal.filter((text) => text === "Redis reconnect attempts exceeded")).toHaveLength(1);
    expect(log.messages("error")).toContain("Redis connection failed");
  });

  test("RedisBroker loses, doubles and reorders nothing it has accepted when its connection is killed under load", async () => {
    const { broker } = await start({ historyLimit: 100_000 });
    const listener = await start();
    await listener.broker.subscribe("s");
    const [accepted, refused]: [string[], string[]] = [[], []];
    let isOver = false;
    const load = (async () => {
      for (let n = 0; !isOver; n += 1) {
        const batch = Array.from({ length: 20 }, (_, k) => `${n}.${k}`);
        const outcomes = await Promise.allSettled(
          batch.map((data) => broker.publish(publication("s", data))),
        );
        outcomes.forEach(({ status }, k) => {
          (status === "fulfilled" ? accepted : refused).push(batch[k] ?? "");
        });
        if (refused.length > 0) await Bun.sleep(1);
      }
    })();
    for (let kill = 1; kill <= 3; kill += 1) {
      const before = accepted.length;
      await until("traffic", () => accepted.length > before + 500, 8000);
      const busy = (await server.clients()).filter((client) => client.get("cmd") === "evalsha");
      for (const client of busy) await server.call("client", "kill", "id", client.get("id") ?? "");
    }
    await until("traffic again", () => refused.length > 0 && accepted.length > 2500, 8000);
    isOver = true;
    await load;

    const stored = texts(await broker.historySince("s", 1));
    const doubtful = new Set(refused);
    expect(new Set(stored).size).toBe(stored.length);
    expect(stored.filter((data) => !doubtful.has(data))).toEqual(accepted);
    const live = await listener.delivery.publicationsReach(stored.length);
    expect(live.map(({ data }) => data)).toEqual([...stored]);
    expect(live.map(({ offset }) => offset)).toEqual(stored.map((_, n) => n + 1));
  }, 30_000);

  test("RedisBroker follows a failover: a new epoch on the new primary, positions of the old one rejected", async () => {
    await using replica = await server.startReplica();
    await using sentinel = await RedisSentinel.start(server);
    const { broker, delivery } = await start(
      {},
      `redis://127.0.0.1:${sentinel.port}?master_set=mymaster`,
    );
    await broker.subscribe("s");
    await broker.publish(publication("s", "1"));
    const { epoch = "" } = (await delivery.publicationsReach(1))[0] ?? {};
    await until("replicated", async () => (await keys(replica)).length === 2, 8000);
    await until(
      "sentinel knows",
      async () => (await sentinelReplicas(sentinel.port)) === 1,
      15_000,
    );

    await server.kill();

    await until("publishes", () => publishes(broker.publish(publication("t", ""))), 20_000);
    const stale = await broker.historyFrom("s", { epoch, offset: 1 });
    await until("subscribed", async () => (await replica.listeners("s")) === 1, 10_000);
    await broker.publish(publication("s", "2"));
    const fresh = (await delivery.publicationsReach(2)).at(-1);
    expect(stale.ok).toBe(false);
    expect([fresh?.data, fresh?.offset, fresh?.epoch === epoch]).toEqual(["2", 1, false]);
  }, 60_000);

  test("RedisBroker waits no longer than a second for a Redis that hangs when it is stopped", async () => {
    const node = await start();
    server.hang();
    const publishing = node.broker
      .publish(publication("s", "1"))
      .catch((e: { code: string }) => e.code);
    const began = Date.now();

    await node.redis.stop(NEVER);

    expect(Date.now() - began).toBeLessThan(1000);
    expect(await publishing).toBe("publish_failed");
    server.resume();
  });

  test("RedisBroker and the stores need no dangerous commands (docs/redis.md, rights)", async () => {
    const rights = ["~ac:*", "&*", "+@all", "-@dangerous"];
    await server.call("acl", "setuser", "app", "on", ">pw", ...rights);
    const url = `redis://app:pw@127.0.0.1:${server.port}`;
    const { broker, presence, delivery } = await start({ presenceTtlMs: 300 }, url);
    await broker.subscribe("s");

    await broker.publish(publication("s", "1"));
    await presence.join("s", "x", "42", "");

    const { epoch = "" } = (await delivery.publicationsReach(2))[0] ?? {};
    expect(texts(await broker.historyFrom("s", { epoch, offset: 0 }))).toEqual(["1"]);
    await delivery.publicationsReach(3);
    expect(await presence.info("s", true)).toEqual({ total: 0, records: [] });
  });
});

async function keys(server: RedisServer): Promise<readonly string[]> {
  const answer = await server.call("keys", "ac:*");
  return Array.isArray(answer) ? answer.map(String).sort() : [];
}

function metaKey(all: readonly string[]): string {
  return all.find((key) => key.includes(":m:s")) ?? "";
}

async function sentinelReplicas(port: number): Promise<number> {
  const client = new Redis({ port, protocol: 2, replyMapping: "legacy" });
  const answer = await client.call("sentinel", "replicas", "mymaster");
  client.disconnect();
  return Array.isArray(answer) ? answer.length : 0;
}

function texts(history: History): readonly string[] {
  return history.ok ? history.publications.map(({ data }) => data) : ["refused"];
}

/** True when it was accepted. */
function publishes(publishing: Promise<void>): Promise<boolean> {
  return publishing.then(
    () => true,
    () => false,
  );
}
