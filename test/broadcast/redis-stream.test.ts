import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { BroadcastOutcome } from "../../src/broadcast/handler.ts";
import { RedisStreamBroadcaster } from "../../src/broadcast/redis-stream.ts";
import { FakeLog } from "../support/fake-log.ts";
import { type RedisCluster, startCluster } from "../support/redis-cluster.ts";
import { SYSTEM_CLOCK } from "../support/redis-node.ts";
import { redisTarget } from "../support/redis-options.ts";
import {
  freePort,
  HAS_REDIS,
  RedisServer,
  SERVERS,
  titled,
  until,
} from "../support/redis-server.ts";

const NEVER = new AbortController().signal;
const STREAM = "__anycable__";

interface Given {
  readonly url?: string;
  readonly attempts?: number;
  readonly blockMs?: number;
  readonly name?: string;
  readonly handle?: (body: string) => Promise<BroadcastOutcome>;
}

const running: RedisStreamBroadcaster[] = [];

async function startAt(url: string, given: Given = {}) {
  const heard: string[] = [];
  const fatal: string[] = [];
  const log = new FakeLog();
  const handle = given.handle ?? (async () => "handled" as const);
  const broadcaster = new RedisStreamBroadcaster(
    {
      target: redisTarget(given.url ?? url),
      stream: STREAM,
      group: "bx",
      readBlockMs: given.blockMs ?? 300,
      maxReconnectAttempts: given.attempts ?? 5,
      isAskedFor: true,
    },
    {
      handler: {
        handle: async (body) => {
          heard.push(body);
          return handle(body);
        },
      },
      clock: SYSTEM_CLOCK,
      random: () => 0,
      randomId: () => given.name ?? "node_1",
      log,
      onFatal: (message) => void fatal.push(message),
    },
  );
  running.push(broadcaster);
  await broadcaster.start();
  return { broadcaster, heard, fatal, log };
}

/** The connections that wait for entries. */
async function readers(server: RedisServer): Promise<readonly string[]> {
  const clients = await server.clients();
  const waiting = clients.filter((c) => c.get("cmd") === "xreadgroup" && c.get("flags") === "b");
  return waiting.map((client) => client.get("id") ?? "");
}

/** Waits until a broadcaster reads. @returns its connection's id */
async function reading(server: RedisServer): Promise<string> {
  await until("reading", async () => (await readers(server)).length > 0);
  return (await readers(server))[0] ?? reading(server);
}

async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((broadcaster) => broadcaster.stop(NEVER)));
}

for (const program of SERVERS) {
  describe.skipIf(program.path === null)(
    titled(`RedisStreamBroadcaster on ${program.name}`, program),
    () => {
      let server: RedisServer;
      beforeEach(async () => {
        server = await RedisServer.start({ program });
      });
      afterEach(async () => {
        await stopAll();
        await server.stop();
      });

      const start = (given: Given = {}) => startAt(server.url, given);
      const add = (payload: string, ...more: string[]) =>
        server.call("xadd", STREAM, "*", ...more, "payload", payload);
      const isEmpty = async () => (await server.call("xlen", STREAM)) === 0;
      const pending = async () => {
        const answer = await server.call("xpending", STREAM, "bx");
        return Array.isArray(answer) ? answer[0] : null;
      };
      const consumers = async () => {
        const answer = await server.call("xinfo", "consumers", STREAM, "bx");
        return Array.isArray(answer) ? answer.map((fields) => fields[1]) : [];
      };

      test("RedisStreamBroadcaster handles entries in order and takes them out of the stream", async () => {
        const { heard } = await start();
        const bodies = Array.from({ length: 1000 }, (_, n) => `{"stream":"s","data":"${n}"}`);

        await Promise.all(bodies.map((body) => add(body)));

        await until("stream empty", async () => heard.length === 1000 && (await isEmpty()));
        expect(heard).toEqual(bodies);
        expect(await pending()).toBe(0);
      });

      test("RedisStreamBroadcaster never reads what is older than the group, and all that came while nobody was there", async () => {
        await add("before");
        const first = await start();
        await add("1");
        await until("first heard", () => first.heard.length === 1);
        await first.broadcaster.stop(NEVER);
        for (let n = 2; n <= 301; n += 1) await add(String(n));

        const second = await start();

        await until("all handled", async () => (await server.call("xlen", STREAM)) === 1);
        expect(first.heard).toEqual(["1"]);
        expect(second.heard).toEqual(Array.from({ length: 300 }, (_, n) => String(n + 2)));
      });

      test("RedisStreamBroadcaster takes out an entry without payload, reports it, and goes on", async () => {
        const { heard, log } = await start();
        await server.call("xadd", STREAM, "*", "foo", "bar");
        await add("", "foo", "bar");
        await add("2");

        await until("stream empty", async () => heard.length === 2 && (await isEmpty()));

        expect(heard).toEqual(["", "2"]);
        expect(log.messages("error")).toEqual(["Redis stream handler failed"]);
        expect(log.records.find(({ level }) => level === "error")?.attributes).toMatchObject({
          provider: "redisx",
          consumer: "node_1",
          error: "missing payload field",
        });
      });

      test("RedisStreamBroadcaster tries an entry again that was not passed on, after the block time", async () => {
        let isBroken = true;
        const { heard, log } = await start({
          handle: async () => (isBroken ? "failed" : "handled"),
        });
        await add("1");
        await until("tried", () => heard.length === 1);
        expect(await server.call("xlen", STREAM)).toBe(1);
        const failedAt = Date.now();

        isBroken = false;

        await until("stream empty", isEmpty);
        expect(heard).toEqual(["1", "1"]);
        expect(Date.now() - failedAt).toBeGreaterThan(200);
        expect(log.messages("error")).toEqual(["Redis stream handler failed"]);
      });

      test("RedisStreamBroadcaster takes over what a dead consumer left, more than one claim gives, in order", async () => {
        await server.call("xgroup", "create", STREAM, "bx", "$", "MKSTREAM");
        const bodies = Array.from({ length: 600 }, (_, n) => String(n));
        for (const body of bodies) await add(body);
        await server.call("xreadgroup", "GROUP", "bx", "dead", "STREAMS", STREAM, ">");
        await server.call("config", "resetstat");
        const { heard } = await start();

        await until("stream empty", isEmpty);

        expect(heard).toEqual(bodies);
        const stats = await server.client.info("commandstats");
        expect(stats).toContain("cmdstat_xack:calls=3,");
        expect(stats).toContain("cmdstat_xdel:calls=3,");
      });

      test("RedisStreamBroadcaster leaves no name behind when nothing is with it", async () => {
        const { broadcaster } = await start({ blockMs: 2000 });
        await add("1");
        await until("handled", isEmpty);
        expect(await consumers()).toEqual(["node_1"]);
        await reading(server);
        const began = Date.now();

        await broadcaster.stop(NEVER);

        expect(await consumers()).toEqual([]);
        expect(Date.now() - began).toBeLessThan(500);
      });

      test("RedisStreamBroadcaster stops with an unacknowledged entry so that another node gets it", async () => {
        const first = await start();
        await server.call("acl", "setuser", "default", "-xack", "-xdel");
        await add("1");
        await until("told", () => first.log.messages("error").includes("failed to ack message"));
        await first.broadcaster.stop(NEVER);
        await server.call("acl", "setuser", "default", "+@all");
        expect([await consumers(), await pending()]).toEqual([["node_1"], 1]);

        const second = await start({ name: "node_2" });

        await until("stream empty", isEmpty);
        expect(second.heard).toEqual(["1"]);
      });

      test("RedisStreamBroadcaster leaves the names of other nodes alone, silent or not", async () => {
        await server.call("xgroup", "create", STREAM, "bx", "$", "MKSTREAM");
        await server.call("xgroup", "createconsumer", STREAM, "bx", "young");
        await start();

        await reading(server);

        expect(await consumers()).toContain("young");
      });

      test("RedisStreamBroadcaster makes the group again when somebody destroys it", async () => {
        const { heard, log } = await start();
        await reading(server);
        await server.call("xgroup", "destroy", STREAM, "bx");
        await until("told", () =>
          log.messages("error").includes("failed to read from Redis stream"),
        );
        await until("group again", async () => {
          const groups = await server.call("xinfo", "groups", STREAM);
          return Array.isArray(groups) && groups.length === 1;
        });

        await add("1");

        await until("handled", () => heard.length === 1);
      });
    },
  );
}

describe.skipIf(!HAS_REDIS)(titled("RedisStreamBroadcaster and faults"), () => {
  let server: RedisServer;
  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(async () => {
    await stopAll();
    await server.stop();
  });

  const start = (given: Given = {}) => startAt(server.url, given);
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
    const other = await RedisServer.start();
    const { log, fatal } = await start({ attempts: 1 });
    await server.call("replicaof", "127.0.0.1", other.port);

    await until("given up", () => fatal.length > 0);

    expect(log.messages("error").at(-1)).toBe("failed to connect to Redis");
    expect(log.records.filter(({ level }) => level === "error").at(-1)?.attributes["error"]).toBe(
      `127.0.0.1:${server.port} is a slave`,
    );
    await other.stop();
  }, 15_000);

  test("RedisStreamBroadcaster says that Redis is gone for good, once", async () => {
    const { fatal } = await start({ url: `redis://127.0.0.1:${await freePort()}`, attempts: 1 });

    await until("given up", () => fatal.length > 0);

    expect(fatal).toEqual(["failed to reconnect to Redis: attempts exceeded"]);
  });

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
    await stopAll();
    await cluster.stop();
  });

  test("RedisStreamBroadcaster reads from the server that owns the stream", async () => {
    const { heard, log } = await startAt(cluster.url);
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
