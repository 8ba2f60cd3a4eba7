import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { publication } from "../../support/publications.ts";
import { type RedisMemorySettings, startRedisMemory } from "../../support/redis-memory.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";

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

  async function start(settings: RedisMemorySettings = {}) {
    const node = await startRedisMemory(server.url, settings);
    running.push(node);
    return node;
  }

  test("RedisBroker, sessions and presence use only commands that Redis 6.2 has", async () => {
    const { broker, sessions, presence, delivery } = await start({ presenceTtlMs: 300 });
    await server.call("config", "resetstat");
    await broker.subscribe("s");
    await broker.publish(publication("s", "1"));
    const { epoch = "" } = (await delivery.publicationsReach(1))[0] ?? {};
    await broker.historyFrom("s", { epoch, offset: 0 });
    await broker.historySince("s", 1);
    await broker.peak("s");
    await broker.position("s");
    await forgetRun(server);
    await broker.publish(publication("s", "2"), { id: "2-0", isRepeated: true });
    await broker.rest("s", { epoch, offset: 0 });
    await sessions.commit("x", {
      identifiers: "",
      subscriptions: [],
      cstate: [],
      istate: [],
      interest: false,
      authenticatedAtMs: 1000,
    });
    await sessions.touch("x");
    await sessions.restore("x");
    await sessions.forget("x");
    await sessions.revoke("u");
    await presence.join("s", "x", "42", "");
    await presence.join("s", "y", "43", "");
    await presence.touch("x");
    await presence.info("s", true);
    await presence.leave("s", "x");
    await until("swept", async () =>
      (await keys(server, "ac:*")).every((key) => !key.includes(":z:")),
    );

    const stats = String(await server.client.info("commandstats"));
    const used = [...stats.matchAll(/^cmdstat_([^:|]+)/gm)].map(([, name]) => name);
    expect(used.filter((name) => !IN_REDIS_6_2.has(name ?? ""))).toEqual([]);
    expect(used).toContain("xadd");
  });
});

/** What the design may use; all are older than Redis 6.2, in the forms used here. */
const IN_REDIS_6_2 = new Set(
  (
    "config info keys client ping role select script evalsha eval multi exec publish subscribe unsubscribe pubsub " +
    "get set del exists expire pexpire pttl time hget hmget hset hdel hlen hexists hgetall hincrby " +
    "xadd xrange xrevrange zadd zrem zrange zrangebyscore"
  ).split(" "),
);

/** As after a restart or failover that lost nothing: the server seems to be another one. */
async function forgetRun(server: RedisServer): Promise<void> {
  const [meta] = await keys(server, "ac:*:m:s");
  await server.call("hset", String(meta), "r", "another");
}

async function keys(server: RedisServer, pattern: string): Promise<readonly string[]> {
  const answer = await server.call("keys", pattern);
  return Array.isArray(answer) ? answer.map(String) : [];
}
