import { describe, expect, test } from "bun:test";
import { publication } from "../../support/publications.ts";
import { redisMemoryRoom } from "../../support/redis-memory-room.ts";
import { HAS_REDIS, titled } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";

describe.skipIf(!HAS_REDIS)(titled("RedisBroker"), () => {
  const room = redisMemoryRoom();

  test("RedisBroker, sessions and presence use only commands that Redis 6.2 has", async () => {
    const { broker, sessions, presence, delivery } = await room.start({ presenceTtlMs: 300 });
    await room.server.call("config", "resetstat");
    await broker.subscribe("s");
    await broker.publish(publication("s", "1"));
    const { epoch = "" } = (await delivery.publicationsReach(1))[0] ?? {};
    await broker.historyFrom("s", { epoch, offset: 0 });
    await broker.historySince("s", 1);
    await broker.peak("s");
    await broker.position("s");
    await room.forgetRun();
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
      (await room.server.keys("ac:*")).every((key) => !key.includes(":z:")),
    );

    const stats = String(await room.server.client.info("commandstats"));
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
