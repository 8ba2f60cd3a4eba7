import { describe, expect, test } from "bun:test";
import type { History } from "../../../src/ports/broker.ts";
import { publication } from "../../support/publications.ts";
import { redisMemoryRoom } from "../../support/redis-memory-room.ts";
import { HAS_REDIS, titled } from "../../support/redis-server.ts";

describe.skipIf(!HAS_REDIS)(titled("RedisBroker"), () => {
  const room = redisMemoryRoom();

  test("RedisBroker keeps the end of earlier epochs for nodes that have missed it", async () => {
    const { broker, delivery } = await room.start();
    await broker.subscribe("s");
    for (const data of ["1", "2", "3"]) await broker.publish(publication("s", data));
    const { epoch = "" } = (await delivery.publicationsReach(3))[2] ?? {};
    await room.forgetRun();

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
    await room.forgetRun();
    await broker.publish(publication("s", "5"));
    expect(texts(await broker.rest("s", { epoch, offset: 2 }))).toEqual(["3", "4"]);
    expect(texts(await broker.rest("s", { epoch: fresh, offset: 1 }))).toEqual([]);
    expect((await broker.historyFrom("s", { epoch, offset: 1 })).ok).toBe(false);
    expect(await broker.position("s")).toMatchObject({ offset: 1 });
  });

  test("RedisBroker takes for stored what Redis stored and would not publish, and says so", async () => {
    const { broker, log } = await room.start();
    await room.server.call("acl", "setuser", "default", "resetchannels", "&other");

    await broker.publish(publication("s", "1"));

    expect(texts(await broker.historySince("s", 1))).toEqual(["1"]);
    expect(log.records).toContainEqual({
      level: "error",
      message: "failed to publish message",
      attributes: { stream: "s", error: expect.stringContaining("publish") },
    });
  });

  test("RedisBroker stores a repeated publication once, also across a restart of Redis", async () => {
    const { broker, delivery } = await room.start();
    await broker.subscribe("s");
    await broker.publish(publication("s", "1"), { id: "1-0", isRepeated: false });
    await broker.publish(publication("s", "1"), { id: "1-0", isRepeated: true });
    await broker.publish(publication("s", "2"), { id: "2-0", isRepeated: true });
    await room.forgetRun();

    await broker.publish(publication("s", "2"), { id: "2-0", isRepeated: true });
    await broker.publish(publication("s", "x"));
    await room.forgetRun();
    await broker.publish(publication("s", "3"), { id: "3-0", isRepeated: true });
    await broker.publish(publication("s", "1"), { id: "1-0", isRepeated: true });

    const heard = await delivery.publicationsReach(4);
    expect(heard.map(({ data }) => data)).toEqual(["1", "2", "x", "3"]);
    expect(texts(await broker.historySince("s", 1))).toEqual(["3"]);
  });
});

function texts(history: History): readonly string[] {
  return history.ok ? history.publications.map(({ data }) => data) : ["refused"];
}
