import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { History } from "../../../src/ports/broker.ts";
import { publication } from "../../support/publications.ts";
import { type RedisMemorySettings, startRedisMemory } from "../../support/redis-memory.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";

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

  test("RedisBroker keeps the end of earlier epochs for nodes that have missed it", async () => {
    const { broker, delivery } = await start();
    await broker.subscribe("s");
    for (const data of ["1", "2", "3"]) await broker.publish(publication("s", data));
    const { epoch = "" } = (await delivery.publicationsReach(3))[2] ?? {};
    await forgetRun(server);

    await broker.publish(publication("s", "4"));

    const { epoch: fresh = "" } = (await delivery.publicationsReach(4))[3] ?? {};
    expect(await broker.rest("s", { epoch, offset: 1 })).toMatchObject({
      ok: true,
      publications: [
        { epoch, offset: 2, data: "2" },
        { epoch, offset: 3, data: "3" },
      ],
    });
    expect(texts(await broker.rest("s", { epoch: fresh, offset: 0 }))).toEqual(["4"]);
    expect(texts(await broker.rest("s", { epoch, offset: 3 }))).toEqual([]);
    expect((await broker.rest("s", { epoch: "gone", offset: 0 })).ok).toBe(false);
    await forgetRun(server);
    await broker.publish(publication("s", "5"));
    expect(texts(await broker.rest("s", { epoch, offset: 2 }))).toEqual(["3", "4"]);
    expect(texts(await broker.rest("s", { epoch: fresh, offset: 1 }))).toEqual([]);
    expect((await broker.historyFrom("s", { epoch, offset: 1 })).ok).toBe(false);
    expect(await broker.position("s")).toMatchObject({ offset: 1 });
  });

  test("RedisBroker takes for stored what Redis stored and would not publish, and says so", async () => {
    const { broker, log } = await start();
    await server.call("acl", "setuser", "default", "resetchannels", "&other");

    await broker.publish(publication("s", "1"));

    expect(texts(await broker.historySince("s", 1))).toEqual(["1"]);
    expect(log.records).toContainEqual({
      level: "error",
      message: "failed to publish message",
      attributes: { stream: "s", error: expect.stringContaining("publish") },
    });
  });

  test("RedisBroker stores a repeated publication once, also across a restart of Redis", async () => {
    const { broker, delivery } = await start();
    await broker.subscribe("s");
    await broker.publish(publication("s", "1"), { id: "1-0", isRepeated: false });
    await broker.publish(publication("s", "1"), { id: "1-0", isRepeated: true });
    await broker.publish(publication("s", "2"), { id: "2-0", isRepeated: true });
    await forgetRun(server);

    await broker.publish(publication("s", "2"), { id: "2-0", isRepeated: true });
    await broker.publish(publication("s", "x"));
    await forgetRun(server);
    await broker.publish(publication("s", "3"), { id: "3-0", isRepeated: true });
    await broker.publish(publication("s", "1"), { id: "1-0", isRepeated: true });

    const heard = await delivery.publicationsReach(4);
    expect(heard.map(({ data }) => data)).toEqual(["1", "2", "x", "3"]);
    expect(texts(await broker.historySince("s", 1))).toEqual(["3"]);
  });
});

/** As after a restart or failover that lost nothing: the server seems to be another one. */
async function forgetRun(server: RedisServer): Promise<void> {
  const [meta] = await keys(server, "ac:*:m:s");
  await server.call("hset", String(meta), "r", "another");
}

async function keys(server: RedisServer, pattern: string): Promise<readonly string[]> {
  const answer = await server.call("keys", pattern);
  return Array.isArray(answer) ? answer.map(String) : [];
}

function texts(history: History): readonly string[] {
  return history.ok ? history.publications.map(({ data }) => data) : ["refused"];
}
