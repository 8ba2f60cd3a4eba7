import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type RedisMemorySettings, startRedisMemory } from "../../support/redis-memory.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";

describe.skipIf(!HAS_REDIS)(titled("RedisPresenceStore"), () => {
  let server: RedisServer;
  const running: { stop(): Promise<void> }[] = [];
  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((node) => node.stop()));
    await server.stop();
  });

  /** A node whose clients listen to `room`; `events` are what they get. */
  async function start(settings: RedisMemorySettings = {}) {
    const node = await startRedisMemory(server.url, { presenceTtlMs: 1000, ...settings });
    running.push(node);
    await node.pubsub.subscribe("room");
    const events = () => node.delivery.publications.map(({ data }) => data);
    return { ...node, events };
  }

  test("RedisPresenceStore tells every node one join and one leave, whichever node makes the change", async () => {
    const [a, b] = [await start({ nodeId: "a" }), await start({ nodeId: "b" })];

    await a.presence.join("room", "s1", "4/2", '{"n":"V"}');
    await b.presence.join("room", "s2", "4/2", '{"n":"W"}');
    const shared = await a.presence.info("room", true);
    await a.presence.leave("room", "s1");
    await b.presence.leave("room", "s2");

    expect(shared).toEqual({ total: 1, records: [{ id: "4/2", info: '{"n":"W"}' }] });
    for (const node of [a, b]) {
      await node.delivery.publicationsReach(2);
      expect(node.events()).toEqual([
        '{"id":"4/2","info":{"n":"V"},"type":"join"}',
        '{"id":"4\\/2","type":"leave"}',
      ]);
    }
  });

  test("RedisPresenceStore lets the others sweep what a dead node has left: exactly one leave", async () => {
    const dead = await start({ nodeId: "dead" });
    const others = [await start({ nodeId: "b" }), await start({ nodeId: "c" })];
    await dead.presence.join("room", "s1", "42", "");
    await others[0]?.delivery.publicationsReach(1);
    const diedAt = Date.now();
    await dead.stop();
    running.splice(0, 1);

    await until("left", () => others.every(({ events }) => events().length === 2));

    expect(Date.now() - diedAt).toBeLessThan(1000 + 2000 + 200);
    await Bun.sleep(1200);
    for (const { events } of others) {
      expect(events()).toEqual(['{"id":"42","type":"join"}', '{"id":"42","type":"leave"}']);
    }
    expect(await server.call("keys", "ac:{p*")).toEqual([]);
  }, 10_000);

  test("RedisPresenceStore joins again what Redis has lost, with the next touch of a session that is still there", async () => {
    const { presence, events } = await start();
    await presence.join("room", "s1", "42", '{"z":1}');
    await presence.join("room", "s2", "43", "");
    await presence.leave("room", "s2");
    await server.call("flushall");

    await Promise.all(["s1", "s2"].map((sid) => presence.touch(sid)));

    expect(await presence.info("room", true)).toEqual({
      total: 1,
      records: [{ id: "42", info: '{"z":1}' }],
    });
    await until("told again", () => events().length === 4);
    expect(events().at(-1)).toBe('{"id":"42","info":{"z":1},"type":"join"}');
  });

  test("RedisPresenceStore heals after Redis was restarted empty", async () => {
    const { presence } = await start({ presenceTtlMs: 20_000 });
    await presence.join("room", "s1", "42", "");
    await server.kill();
    await presence.touch("s1");
    await server.start();

    await until(
      "healed",
      async () => {
        await presence.touch("s1");
        return (await presence.info("room", false).catch(() => null))?.total === 1;
      },
      8000,
    );
  }, 15_000);

  test("RedisPresenceStore touches all sessions of a stream with one command", async () => {
    const { presence } = await start({ presenceTtlMs: 60_000 });
    const sids = Array.from({ length: 700 }, (_, n) => `s${n}`);
    await Promise.all(sids.map((sid) => presence.join("room", sid, sid, "")));
    await server.call("config", "resetstat");

    await Promise.all(sids.map((sid) => presence.touch(sid)));

    const stats = await server.client.info("commandstats");
    const scripts = Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1]);
    expect(scripts).toBe(2);
    expect((await presence.info("room", false))?.total).toBe(700);
  });

  test("RedisPresenceStore sweeps more than one command removes, in streams nobody asks about", async () => {
    const { presence, events } = await start({ presenceTtlMs: 200 });
    const sids = Array.from({ length: 250 }, (_, n) => `s${n}`);
    await Promise.all(sids.map((sid) => presence.join("room", sid, sid, "")));

    await until("all have left", () => events().length === 500, 8000);

    expect(await server.call("keys", "ac:{p*")).toEqual([]);
  }, 10_000);

  test("RedisPresenceStore prolongs a session whose deadline has passed but was not swept yet", async () => {
    const { presence, events } = await start({ presenceTtlMs: 300 });
    await presence.join("room", "s1", "42", "");
    await Bun.sleep(150);
    await presence.touch("s1");
    await Bun.sleep(200);

    await presence.join("room", "s1", "42", '{"z":2}');

    expect(await presence.info("room", true)).toEqual({
      total: 1,
      records: [{ id: "42", info: '{"z":2}' }],
    });
    expect(events()).toHaveLength(1);
  });

  test("RedisPresenceStore tells of touches that failed once, not per session", async () => {
    const { presence, log } = await start({ presenceTtlMs: 60_000 });
    const sids = Array.from({ length: 20 }, (_, n) => `s${n}`);
    for (const sid of sids) await presence.join("room", sid, sid, "");
    await server.kill();

    await Promise.all(sids.map((sid) => presence.touch(sid)));

    const told = log.messages("error").filter((text) => text === "failed to touch presence");
    expect(told).toHaveLength(1);
  });

  test("RedisPresenceStore touches once more when stopped", async () => {
    const node = await start({ presenceTtlMs: 30_000 });
    await node.presence.join("room", "s1", "42", "");
    const [key] = (await server.call("keys", "ac:{p*:z:room")) as string[];
    const before = Number(await server.call("zscore", key ?? "", "s1"));
    await Bun.sleep(20);
    const touching = node.presence.touch("s1");

    await node.stop();

    await touching;
    expect(Number(await server.call("zscore", key ?? "", "s1"))).toBeGreaterThan(before);
  });

  test("RedisPresenceStore keeps a joined member when join, leave and touch race on one session", async () => {
    const { presence } = await start({ presenceTtlMs: 60_000 });
    for (let round = 0; round < 20; round += 1) {
      await presence.join("room", "s1", "42", "");
      await server.call("flushall");
      await Promise.all([presence.touch("s1"), presence.leave("room", "s1")]);

      expect((await presence.info("room", false))?.total).toBe(0);
    }
  }, 10_000);
});
