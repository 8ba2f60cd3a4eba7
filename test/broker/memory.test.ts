import { expect, test } from "bun:test";
import { MemoryBroker, type MemoryBrokerOptions } from "../../src/broker/memory.ts";
import { ServerError } from "../../src/messages/server-error.ts";
import { parseStreamRules } from "../../src/messages/stream-rules.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeLog } from "../support/fake-log.ts";
import { meta, publication } from "../support/publications.ts";
import { RecordingPubSub } from "../support/recording-pubsub.ts";

const DEFAULTS: MemoryBrokerOptions = {
  historyLimit: 100,
  historyTtlS: 300,
  sessionsTtlS: 300,
  presenceTtlS: 15,
  streamRules: [],
};

async function start(options: Partial<MemoryBrokerOptions> = {}) {
  const clock = new FakeClock();
  const log = new FakeLog();
  const pubsub = new RecordingPubSub();
  const randomId = (length: number): string => "vRXlAAAA".slice(0, length);
  const broker = new MemoryBroker({ ...DEFAULTS, ...options }, { clock, pubsub, log, randomId });
  await broker.start();
  return { broker, clock, log, pubsub, position: (offset: number) => ({ epoch: "vRXl", offset }) };
}

test("MemoryBroker says at the start what it keeps", async () => {
  const { log } = await start();

  expect(log.messages("info")).toEqual([
    "Using in-memory broker (epoch: vRXl, history limit: 100, history ttl: 300s, sessions ttl: 300s, presence ttl: 15s)",
  ]);
});

test("MemoryBroker says why it has no history from a position", async () => {
  const { broker, position } = await start();
  await broker.publish(publication("a", "1"));

  expect(await broker.historyFrom("a", { epoch: "zzzz", offset: 1 })).toEqual({
    ok: false,
    reason: "epoch is vRXl, not zzzz",
  });
  expect(await broker.historyFrom("b", position(1))).toEqual({
    ok: false,
    reason: "stream not found",
  });
  expect(await broker.historyFrom("a", position(0))).toEqual({
    ok: false,
    reason: "offset 0 is no longer kept, the oldest is 1",
  });
});

test("MemoryBroker forgets a stream after ten times the time to live, and counts from 1 again", async () => {
  const { broker, clock, pubsub } = await start({ historyTtlS: 2 });
  await broker.publish(publication("a", "1"));
  await clock.advanceAsync(19_000);
  await broker.publish(publication("a", "2"));

  await clock.advanceAsync(22_000);

  await broker.publish(publication("a", "3"));
  expect(pubsub.delivery.publications.map(({ offset }) => offset)).toEqual([1, 2, 1]);
});

test("MemoryBroker with a time to live of 0 keeps messages for one to two seconds", async () => {
  const { broker, clock } = await start({ historyTtlS: 0 });
  await broker.publish(publication("a", "1"));
  const at = async (ms: number): Promise<number> => {
    await clock.advanceAsync(ms);
    const history = await broker.historySince("a", 0);
    return history.ok ? history.publications.length : -1;
  };

  expect([await at(0), await at(999), await at(1001)]).toEqual([1, 1, 0]);
});

test("MemoryBroker hands the very same history array to clients that come back with the same position", async () => {
  const { broker, position } = await start();
  for (let n = 1; n <= 100; n += 1) await broker.publish(publication("a", String(n)));

  const answers = await Promise.all(
    Array.from({ length: 5000 }, () => broker.historyFrom("a", position(40))),
  );

  const arrays = new Set(answers.map((answer) => (answer.ok ? answer.publications : null)));
  expect([...arrays].map((array) => array?.length)).toEqual([60]);
});

test("MemoryBroker passes the failure to publish on; the message stays in history", async () => {
  const { broker, pubsub } = await start();
  pubsub.failure = new ServerError("publish_failed", "connection lost");

  await expect(broker.publish(publication("a", "1"))).rejects.toBe(pubsub.failure);

  const history = await broker.historySince("a", 0);
  expect(history.ok && history.publications.map(({ data }) => data)).toEqual(["1"]);
});

test("MemoryBroker leaves subscriptions to the pub/sub adapter", async () => {
  const { broker, pubsub } = await start();

  await broker.subscribe("a");
  await broker.subscribe("b");
  await broker.unsubscribe("a");

  expect([...pubsub.subscriptions]).toEqual([["b", 1]]);
});

test("MemoryBroker knows the end of a stream while something of it is kept", async () => {
  const { broker, clock, position } = await start({ historyTtlS: 10 });
  await broker.publish(publication("a", "1"));
  await broker.publish(publication("a", "2"));
  await broker.publish(publication("b", "w", { meta: meta({ transient: true }) }));

  expect([await broker.peak("a"), await broker.peak("b"), await broker.peak("__proto__")]).toEqual([
    position(2),
    null,
    null,
  ]);
  await clock.advanceAsync(12_000);
  expect(await broker.peak("a")).toBeNull();
});

test("MemoryBroker holds each stream to the rule of its name", async () => {
  const { broker } = await start({
    historyLimit: 1,
    streamRules: parseStreamRules(["chat/*:history_limit=3", "private/*:history=off"]),
  });
  for (const stream of ["chat/1", "private/1", "other"]) {
    for (const data of ["1", "2", "3", "4"]) await broker.publish(publication(stream, data));
  }

  expect(await broker.historySince("private/1", 1)).toEqual({
    ok: false,
    reason: "history is off for this stream",
  });
  const kept = await Promise.all(["chat/1", "other"].map((s) => broker.historySince(s, 1)));
  expect(kept.map((each) => each.ok && each.publications.map(({ data }) => data))).toEqual([
    ["2", "3", "4"],
    ["4"],
  ]);
});

test("MemoryBroker leaves no timer behind when it is stopped, also twice", async () => {
  const { broker, clock } = await start();

  await broker.stop(AbortSignal.abort());
  await broker.stop(AbortSignal.abort());

  expect(clock.pending).toBe(0);
});
