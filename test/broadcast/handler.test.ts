import { expect, test } from "bun:test";
import { BroadcastHandler } from "../../src/broadcast/handler.ts";
import { ServerError } from "../../src/messages/server-error.ts";
import { FakeLog } from "../support/fake-log.ts";
import { FakeMetrics } from "../support/fake-metrics.ts";
import { publication } from "../support/publications.ts";
import { RecordingPubSub } from "../support/recording-pubsub.ts";

function create() {
  const broker = new RecordingPubSub();
  const log = new FakeLog();
  const metrics = new FakeMetrics();
  const handler = new BroadcastHandler({ broker, metrics, log });
  const counted = () => ({
    taken: metrics.value("publications_total"),
    malformed: metrics.value("failed_broadcast_msg_total"),
  });
  return { handler, broker, delivery: broker.delivery, log, counted };
}

test("BroadcastHandler passes a publication to the broker and counts it", async () => {
  const { handler, delivery, counted } = create();

  expect(await handler.handle('{"stream":"a","data":"1"}')).toBe("handled");

  expect(delivery.publications).toEqual([publication("a", "1")]);
  expect(counted()).toEqual({ taken: 1, malformed: 0 });
});

test("BroadcastHandler passes a batch on in order and counts it once", async () => {
  const { handler, delivery, counted, log } = create();
  const numbers = Array.from({ length: 100 }, (_, n) => ({ stream: "a", data: `${n}` }));

  expect(await handler.handle(JSON.stringify(numbers))).toBe("handled");

  expect(delivery.publications.map(({ data }) => data)).toEqual(numbers.map(({ data }) => data));
  expect(counted()).toEqual({ taken: 1, malformed: 0 });
  expect(log.messages("debug")).toEqual(["handle batch-broadcast message"]);
});

test("BroadcastHandler warns of elements it leaves out of a batch", async () => {
  const { handler, delivery, log } = create();

  await handler.handle('[{"stream":"a","data":"1"},null,{"data":"2"}]');

  expect(delivery.publications).toEqual([publication("a", "1")]);
  expect(log.records).toContainEqual({
    level: "warn",
    message: "publications without a stream skipped",
    attributes: { context: "node", skipped: 2 },
  });
});

test("BroadcastHandler stops a batch at the first publication the broker does not take", async () => {
  const { handler, broker, delivery, log, counted } = create();
  const failure = new ServerError("publish_failed", "connection lost");
  const publish = broker.publish.bind(broker);
  broker.publish = async (given) => {
    if (given.data === "2") throw failure;
    await publish(given);
  };
  const batch = ["1", "2", "3"].map((data) => ({ stream: "a", data }));

  expect(await handler.handle(JSON.stringify(batch))).toBe("failed");

  expect(delivery.publications).toEqual([publication("a", "1")]);
  expect(counted()).toEqual({ taken: 1, malformed: 0 });
  expect(log.records).toContainEqual({
    level: "error",
    message: "failed to publish message",
    attributes: { context: "node", error: "connection lost" },
  });
});

test("BroadcastHandler passes commands to the broker, unknown ones too, and counts them", async () => {
  const { handler, delivery, counted } = create();

  expect(await handler.handle('{"command":"disconnect"}')).toBe("handled");
  expect(await handler.handle('{"command":"foo","payload":{"b":1}}')).toBe("handled");

  expect(delivery.commands).toEqual([
    { command: "disconnect", payload: undefined },
    { command: "foo", payload: { b: 1 } },
  ]);
  expect(counted()).toEqual({ taken: 2, malformed: 0 });
});

test("BroadcastHandler tells when a command was not taken", async () => {
  const { handler, broker } = create();
  broker.failure = new ServerError("publish_failed", "connection lost");

  expect(await handler.handle('{"command":"disconnect"}')).toBe("failed");
});

test("BroadcastHandler counts a malformed message as handled, warns and shows its beginning", async () => {
  const { handler, delivery, log, counted } = create();

  expect(await handler.handle("[".repeat(20_000))).toBe("handled");

  expect(delivery.publications).toEqual([]);
  expect(counted()).toEqual({ taken: 0, malformed: 1 });
  expect(log.records).toEqual([
    {
      level: "warn",
      message: "failed to parse pubsub message",
      attributes: {
        context: "node",
        data: `${"[".repeat(100)}...(19900)`,
        error: expect.stringMatching(/./),
      },
    },
  ]);
});
