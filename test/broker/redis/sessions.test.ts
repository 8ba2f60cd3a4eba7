import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { SessionSnapshot } from "../../../src/messages/snapshot.ts";
import { startRedisMemory } from "../../support/redis-memory.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";

describe.skipIf(!HAS_REDIS)(titled("RedisSessionStore"), () => {
  let server: RedisServer;
  let node: Awaited<ReturnType<typeof startRedisMemory>>;
  beforeEach(async () => {
    server = await RedisServer.start();
    node = await startRedisMemory(server.url);
  });
  afterEach(async () => {
    await node.stop();
    await server.stop();
  });

  test("RedisSessionStore sends one SET for all commits of a session in one turn: the last one", async () => {
    const names = ["a", "b", "c"];

    await Promise.all(names.map((name) => node.sessions.commit("x", snapshot(name))));

    expect(await server.client.info("commandstats")).toContain("cmdstat_set:calls=1,");
    expect((await node.sessions.restore("x"))?.identifiers).toBe("c");
  });

  test("RedisSessionStore restores what is about to be sent", async () => {
    const committing = node.sessions.commit("x", snapshot("a"));

    expect((await node.sessions.restore("x"))?.identifiers).toBe("a");
    await committing;
  });

  test("RedisSessionStore forgets a session also when its commit has not been sent yet", async () => {
    const committing = node.sessions.commit("x", snapshot("a"));

    await node.sessions.forget("x");

    await committing;
    expect(await server.call("exists", "ac:s:x")).toBe(0);
  });

  test("RedisSessionStore keeps a revocation twice as long as a session and longer than its last touch", async () => {
    await node.sessions.revoke('{"user":"42"}');

    const ttlMs = Number(await server.call("pttl", 'ac:r:{"user":"42"}'));

    expect(ttlMs).toBeGreaterThan(600_000);
    expect(ttlMs).toBeLessThanOrEqual(605_000);
  });

  test("RedisSessionStore gives every session its time to live", async () => {
    await node.sessions.commit("x", snapshot("a"));

    const ttlMs = Number(await server.call("pttl", "ac:s:x"));

    expect(ttlMs).toBeGreaterThan(299_000);
    expect(ttlMs).toBeLessThanOrEqual(300_000);
  });

  test("RedisSessionStore loses no commit made just before the stop", async () => {
    const committing = node.sessions.commit("x", snapshot("a"));

    await node.stop();

    await committing;
    expect(await server.call("exists", "ac:s:x")).toBe(1);
  });

  test("RedisSessionStore tells who restores a broken entry", async () => {
    await server.call("set", "ac:s:x", '{"ids":1}');

    const failure = await node.sessions.restore("x").catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: "snapshot_corrupt" });
  });

  test("RedisSessionStore tells who commits while Redis is away", async () => {
    await server.kill();

    const failure = await node.sessions.commit("x", snapshot("a")).catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: "redis_unavailable" });
  });
});

function snapshot(identifiers: string): SessionSnapshot {
  const nothing = { subscriptions: [], cstate: [], istate: [], interest: false };
  return { identifiers, ...nothing, authenticatedAtMs: 1000 };
}
