import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { CommandLink } from "../../../src/clients/redis/commands.ts";
import { createScript } from "../../../src/clients/redis/script.ts";
import { startCluster } from "../../support/redis-cluster.ts";
import { SYSTEM_CLOCK } from "../../support/redis-node.ts";
import { redisTarget } from "../../support/redis-options.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";

const NEVER = new AbortController().signal;
const SCRIPT = createScript("return redis.call('INCR', KEYS[1])");

async function start(url: string) {
  const events: string[] = [];
  const link = new CommandLink(
    {
      target: redisTarget(url),
      name: "commands",
      maxAttempts: null,
      scripts: [SCRIPT],
      isKeyed: true,
    },
    {
      clock: SYSTEM_CLOCK,
      random: () => 0,
      events: {
        up: () => void events.push("up"),
        lost: (_error, wasUp) => void events.push(wasUp ? "lost" : "failed"),
        waiting: (delayMs) => void events.push(`wait ${delayMs}`),
        retrying: () => void events.push("retry"),
        exhausted: () => void events.push("exhausted"),
      },
    },
  );
  await link.start();
  return { link, events };
}

describe.skipIf(!HAS_REDIS)(titled("CommandLink"), () => {
  let server: RedisServer;
  const running: CommandLink[] = [];
  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((link) => link.stop(NEVER)));
    await server.stop();
  });

  async function begin(url = server.url) {
    const started = await start(url);
    running.push(started.link);
    return started;
  }

  test("CommandLink makes its scripts known before it is up", async () => {
    const { events } = await begin();

    expect(events).toEqual(["up"]);
    expect(await server.call("script", "exists", SCRIPT.sha)).toEqual([1]);
  });

  test("CommandLink rejects at once while Redis is away, and works when it is back", async () => {
    const { link, events } = await begin();
    await server.kill();
    await until("lost", () => events.includes("lost"));

    const failure = await link.call("get", "k").catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: "redis_unavailable", message: "Redis is not connected" });
    expect(() => link.runTag).toThrow("Redis is not connected");
    await server.start();
    await until("up again", () => events.filter((event) => event === "up").length === 2, 8000);
    expect(await link.script(SCRIPT, ["n"], [])).toBe(1);
  }, 15_000);

  test("CommandLink waits for answers under way when it is stopped, and not for those that never come", async () => {
    const { link } = await begin();
    const quick = link.call("set", "k", "1");
    await link.stop(NEVER);
    expect(await quick).toBe("OK");

    const other = await begin();
    server.hang();
    const never = other.link.call("get", "k").catch((error: { code: string }) => error.code);
    const began = Date.now();
    await other.link.stop(NEVER);

    expect(await never).toBe("redis_unavailable");
    expect(Date.now() - began).toBeLessThan(1000);
    server.resume();
  });

  test("CommandLink does not wait at all when there is no time left", async () => {
    const { link } = await begin();
    server.hang();
    void link.call("get", "k").catch(() => undefined);
    const began = Date.now();

    await link.stop(AbortSignal.abort());

    expect(Date.now() - began).toBeLessThan(300);
    server.resume();
  });

  test("CommandLink does not send a command again that may have been executed", async () => {
    const { link, events } = await begin(`${server.url}?write_timeout=200ms`);
    const slow = createScript(
      "redis.call('INCR', KEYS[1]) local t = redis.call('TIME')[1] while redis.call('TIME')[1] - t < 2 do end",
    );

    const outcome = link.script(slow, ["once"], []).catch((error: { code: string }) => error.code);

    expect(await outcome).toBe("redis_unavailable");
    await until("up again", () => events.filter((event) => event === "up").length === 2, 8000);
    expect(await server.call("get", "once")).toBe("1");
  }, 15_000);
});

describe.skipIf(!HAS_REDIS)(titled("CommandLink in a cluster"), () => {
  test("CommandLink reaches the owner of every key, follows a slot that moves, and survives a hanging server", async () => {
    await using cluster = await startCluster();
    const url = cluster.servers.map((server) => `${server.url}?write_timeout=300ms`).join(",");
    const { link, events } = await start(url);
    const keys = Array.from({ length: 50 }, (_, n) => `key${n}`);

    expect(await Promise.all(keys.map((key) => link.script(SCRIPT, [key], [])))).toEqual(
      keys.map(() => 1),
    );
    expect(
      await link.transaction([
        ["set", "{a}1", "x"],
        ["get", "{a}1"],
      ]),
    ).toEqual(["OK", "x"]);

    const slot = Number(await cluster.servers[0]?.call("cluster", "keyslot", "key0"));
    await moveSlot(cluster.servers, slot, "key0");
    expect(await link.script(SCRIPT, ["key0"], [])).toBe(2);

    cluster.servers[2]?.hang();
    const outcomes = await Promise.allSettled(keys.map((key) => link.script(SCRIPT, [key], [])));
    const failed = outcomes.filter(({ status }) => status === "rejected");
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.length).toBeLessThan(50);
    cluster.servers[2]?.resume();
    await until(
      "whole again",
      async () => {
        const again = await Promise.allSettled(keys.map((key) => link.script(SCRIPT, [key], [])));
        return again.every(({ status }) => status === "fulfilled");
      },
      20_000,
    );

    expect(events.filter((event) => event === "exhausted")).toEqual([]);
    await link.stop(NEVER);
  }, 60_000);
});

/** Gives a slot to the next server, with its one key. */
async function moveSlot(servers: readonly RedisServer[], slot: number, key: string): Promise<void> {
  const ids = await Promise.all(servers.map((server) => server.call("cluster", "myid")));
  const owners = await Promise.all(
    servers.map((server) =>
      server.call("exists", key).then(
        () => true,
        () => false,
      ),
    ),
  );
  const from = owners.indexOf(true);
  const to = (from + 1) % servers.length;
  await servers[to]?.call("cluster", "setslot", slot, "importing", String(ids[from]));
  await servers[from]?.call("cluster", "setslot", slot, "migrating", String(ids[to]));
  await servers[from]?.call("migrate", "127.0.0.1", servers[to]?.port ?? 0, key, 0, 2000);
  for (const index of [to, from, ...servers.keys()]) {
    await servers[index]?.call("cluster", "setslot", slot, "node", String(ids[to]));
  }
}
