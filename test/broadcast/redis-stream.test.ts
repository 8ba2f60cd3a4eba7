import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { RedisServer, SERVERS, titled } from "../support/redis-server.ts";
import { type Given, reading, STREAM, StreamBroadcasters } from "../support/stream-broadcasters.ts";
import { until } from "../support/until.ts";

const NEVER = new AbortController().signal;
const broadcasters = new StreamBroadcasters();

for (const program of SERVERS) {
  describe.skipIf(program.path === null)(
    titled(`RedisStreamBroadcaster on ${program.name}`, program),
    () => {
      let server: RedisServer;
      beforeEach(async () => {
        server = await RedisServer.start({ program });
      });
      afterEach(async () => {
        await broadcasters.stop();
        await server.stop();
      });

      const start = (given: Given = {}) => broadcasters.start(server.url, given);
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
        const { heard, sources } = await start();

        await until("stream empty", isEmpty);

        expect(heard).toEqual(bodies);
        expect(new Set(sources.map((source) => source?.isRepeated))).toEqual(new Set([true]));
        expect(new Set(sources.map((source) => source?.id)).size).toBe(bodies.length);
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
