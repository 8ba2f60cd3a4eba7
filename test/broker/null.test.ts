import { expect, test } from "bun:test";
import { NullBroker } from "../../src/broker/null.ts";
import { FakeLog } from "../support/fake-log.ts";
import { publication } from "../support/publications.ts";
import { RecordingPubSub } from "../support/recording-pubsub.ts";

async function start() {
  const log = new FakeLog();
  const pubsub = new RecordingPubSub();
  const broker = new NullBroker({ log, pubsub });
  await broker.start();
  return { broker, log, pubsub };
}

test("NullBroker names itself at the start", async () => {
  const { log } = await start();

  expect(log.messages("info")).toEqual(["Using no-op (legacy) broker"]);
});

test("NullBroker passes publications as they are, a position the application gave included", async () => {
  const { broker, pubsub } = await start();
  const positioned = publication("a", "2", { offset: 99, epoch: "zz" });

  await broker.publish(publication("a", "1"));
  await broker.publish(positioned);

  expect(pubsub.delivery.publications).toEqual([publication("a", "1"), positioned]);
});

test("NullBroker passes commands and subscriptions to the pub/sub adapter", async () => {
  const { broker, pubsub } = await start();
  await broker.subscribe("a");
  await broker.subscribe("b");
  await broker.unsubscribe("b");

  await broker.command({ command: "foo", payload: null });

  expect(pubsub.delivery.commands).toEqual([{ command: "foo", payload: null }]);
  expect([...pubsub.subscriptions]).toEqual([["a", 1]]);
});

test("NullBroker refuses history, also of streams it has just seen", async () => {
  const { broker } = await start();
  await broker.publish(publication("a", "1"));
  const refusal = { ok: false, reason: "history not supported" } as const;

  expect(await broker.historySince("a", 1)).toEqual(refusal);
  expect(await broker.historyFrom("a", { epoch: "zz", offset: 1 })).toEqual(refusal);
  await expect(broker.peak("a")).rejects.toMatchObject({ code: "history_unsupported" });
});

test("NullBroker tells once that clients ask for history it does not keep", async () => {
  const { broker, log } = await start();

  await broker.historySince("a", 1);
  await broker.historyFrom("a", { epoch: "x", offset: 1 });

  expect(log.messages("warn")).toEqual([
    "clients ask for history, but none is kept: set --broker (memory, redis, nats)",
  ]);
});
