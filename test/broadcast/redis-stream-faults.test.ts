import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type RedisCluster, startCluster } from "../support/redis-cluster.ts";
import { freePort, HAS_REDIS, RedisServer, titled } from "../support/redis-server.ts";
import { type Given, reading, STREAM, StreamBroadcasters } from "../support/stream-broadcasters.ts";
import { until } from "../support/until.ts";

const GIVEN_UP = "failed to reconnect to Redis: attempts exceeded";

const NEVER = new AbortController().signal;
const broadcasters = new StreamBroadcasters();

describe.skipIf(!HAS_REDIS)(titled("RedisStreamBroadcaster and faults"), () => {
  let server: RedisServer;
  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(async () => {
    await broadcasters.stop();
    await server.stop();
  });

  const start = (given: Given = {}) => broadcasters.start(server.url, given);
  const add = (payload: string) => server.call("xadd", STREAM, "*", "payload", payload);

  test("RedisStreamBroadcaster shares the stream: each entry goes to one node", async () => {
    const nodes = [await start({ name: "node_1" }), await start({ name: "node_2" })];
    const bodies = Array.from({ length: 500 }, (_, n) => String(n));
    for (const body of bodies) await add(body);

    await until("all handled", async () => (await server.call("xlen", STREAM)) === 0);

    const heard = nodes.flatMap((node) => node.heard);
    expect(heard.toSorted((a, b) => Number(a) - Number(b))).toEqual(bodies);
  });

  test("RedisStreamBroadcaster goes on when its connections are killed under load: nothing is lost", async () => {
    const { heard, log } = await start();
    const total = 3000;
    const adding = (async () => {
      for (let n = 0; n < total; n += 1) await add(String(n));
    })();
    for (let kill = 0; kill < 3; kill += 1) {
      await until("traffic", () => heard.length > (kill + 1) * 300);
      await until("connected", async () => (await server.clients()).length >= 2);
      const busy = await server.clients();
      const reader = busy.find((client) => client.get("cmd") === "xreadgroup");
      await server.call("client", "kill", "id", reader?.get("id") ?? busy[0]?.get("id") ?? "");
      await until("told", () => log.messages("error").length > kill);
    }
    await adding;

    await until("stream empty", async () => (await server.call("xlen", STREAM)) === 0, 15_000);
    expect(new Set(heard).size).toBe(total);
  }, 30_000);

  test("RedisStreamBroadcaster works on after a restart with nothing in it", async () => {
    const { heard, log } = await start();
    await reading(server);
    await server.kill();
    await until("told", () => log.messages("error").includes("failed to read from Redis stream"));
    await server.start();
    await until("group again", async () => (await server.call("exists", STREAM)) === 1, 8000);

    await add("1");

    await until("handled", () => heard.length === 1);
    expect(log.messages("info")).toContain("reconnecting to Redis...");
  }, 15_000);

  test("RedisStreamBroadcaster follows the primary: a replica is left, a new primary is used", async () => {
    await using other = await RedisServer.start();
    const { log } = await start({ attempts: 1 });
    await server.call("replicaof", "127.0.0.1", other.port);

    await until("given up", () => log.messages("error").includes(GIVEN_UP));

    const refusals = log.records.filter(({ message }) => message === "failed to connect to Redis");
    expect(refusals.at(-1)?.attributes["error"]).toBe(`127.0.0.1:${server.port} is a slave`);
  }, 15_000);

  test("RedisStreamBroadcaster says once that Redis stays away, goes on trying, and works when it is back", async () => {
    const { heard, fatal, log } = await start({ attempts: 0 });
    await reading(server);
    await server.kill();
    await until("given up", () => log.messages("error").includes(GIVEN_UP));
    await until("tried again", () => log.messages("info").includes("reconnecting to Redis..."));

    await server.start();
    await until("group again", async () => (await server.call("exists", STREAM)) === 1, 8000);
    await add("1");

    await until("handled", () => heard.length === 1);
    expect(log.messages("error").filter((message) => message === GIVEN_UP)).toHaveLength(1);
    expect(fatal).toEqual([]);
  }, 15_000);

  test("RedisStreamBroadcaster notices a server that hangs while it reads", async () => {
    const url = `${server.url}?write_timeout=200ms&dial_timeout=200ms`;
    const { heard, log } = await start({ url, blockMs: 400 });
    await reading(server);
    server.hang();
    await until("told", () => log.messages("error").includes("failed to read from Redis stream"));
    server.resume();
    await add("1");

    await until("handled", () => heard.length === 1, 8000);
  }, 15_000);

  test("RedisStreamBroadcaster stops within 2 s: when Redis hangs, in a pause, with a handler that never ends", async () => {
    const stuck = await start({ handle: () => new Promise(() => undefined) });
    const away = await start({ url: `redis://127.0.0.1:${await freePort()}` });
    await add("1");
    await until("stuck", () => stuck.heard.length === 1);
    server.hang();
    const began = Date.now();

    await Promise.all([stuck.broadcaster.stop(NEVER), away.broadcaster.stop(NEVER)]);

    expect(Date.now() - began).toBeLessThan(2500);
    server.resume();
  }, 10_000);

  test("RedisStreamBroadcaster stops at the moment its connection is lost", async () => {
    const { broadcaster, log } = await start();
    await server.call("client", "kill", "id", await reading(server));
    await until("noticed", () =>
      log.messages("info").includes("next Redis reconnect attempt in 250ms"),
    );
    const began = Date.now();

    await broadcaster.stop(NEVER);

    expect(Date.now() - began).toBeLessThan(200);
  });

  test("RedisStreamBroadcaster needs no dangerous commands (docs/redis.md, rights)", async () => {
    const rights = ["~ac:*", "~__anycable__", "&*", "+@all", "-@dangerous"];
    await server.call("acl", "setuser", "app", "on", ">pw", ...rights);
    const { broadcaster, heard, log } = await start({
      url: `redis://app:pw@127.0.0.1:${server.port}`,
    });
    await add("1");
    await until("stream empty", async () => (await server.call("xlen", STREAM)) === 0);

    await broadcaster.stop(NEVER);

    expect(heard).toEqual(["1"]);
    expect(log.messages("error")).toEqual([]);
    expect(await server.call("xinfo", "consumers", STREAM, "bx")).toEqual([]);
  });

  test("RedisStreamBroadcaster gives up what it waits for when there is no time left", async () => {
    const { broadcaster, heard } = await start({ handle: () => new Promise(() => undefined) });
    await add("1");
    await until("stuck", () => heard.length === 1);
    const began = Date.now();

    await broadcaster.stop(AbortSignal.abort());

    expect(Date.now() - began).toBeLessThan(500);
  });
});

describe.skipIf(!HAS_REDIS)(titled("RedisStreamBroadcaster in a cluster"), () => {
  let cluster: RedisCluster;
  beforeEach(async () => {
    cluster = await startCluster();
  }, 40_000);
  afterEach(async () => {
    await broadcasters.stop();
    await cluster.stop();
  });

  test("RedisStreamBroadcaster reads from the server that owns the stream", async () => {
    const { heard, log } = await broadcasters.start(cluster.url);
    expect(log.messages("info")[0]).toEndWith("(cluster)");
    const add = async (body: string) => {
      for (const server of cluster.servers) {
        await server.call("xadd", STREAM, "*", "payload", body).catch(() => null);
      }
    };

    for (const body of ["1", "2", "3"]) await add(body);

    await until("handled", () => heard.length === 3);
    expect(heard).toEqual(["1", "2", "3"]);
  }, 40_000);
});
