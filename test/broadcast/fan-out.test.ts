import { expect, test } from "bun:test";
import { FanOutHandler } from "../../src/broadcast/fan-out.ts";
import { FakeLog } from "../support/fake-log.ts";
import { FakeMetrics } from "../support/fake-metrics.ts";
import { publication } from "../support/publications.ts";
import { RecordingDelivery } from "../support/recording-delivery.ts";

function createHandler() {
  const [delivery, metrics, log] = [new RecordingDelivery(), new FakeMetrics(), new FakeLog()];
  return { handler: new FanOutHandler({ delivery, metrics, log }), delivery, metrics, log };
}

test("FanOutHandler delivers publications and batches on this node, in order", () => {
  const { handler, delivery, log } = createHandler();

  handler.handle('{"stream":"chat/42","data":"{\\"text\\":\\"hi\\"}"}');
  handler.handle('[{"stream":"a","data":"1"},null,{"stream":"b","data":"2"}]');

  expect(delivery.publications).toEqual([
    publication("chat/42", '{"text":"hi"}'),
    publication("a", "1"),
    publication("b", "2"),
  ]);
  expect(log.messages("warn")).toEqual(["publications without a stream skipped"]);
});

test("FanOutHandler passes a position of the application's through", () => {
  const { handler, delivery } = createHandler();

  handler.handle('{"stream":"a","data":"1","offset":7,"epoch":"ee"}');

  expect(delivery.publications).toEqual([publication("a", "1", { offset: 7, epoch: "ee" })]);
});

test("FanOutHandler executes commands on this node", () => {
  const { handler, delivery } = createHandler();

  handler.handle('{"command":"disconnect","payload":{"identifier":"u"}}');

  expect(delivery.commands).toEqual([{ command: "disconnect", payload: { identifier: "u" } }]);
});

test("FanOutHandler counts what is malformed and tells of it", () => {
  const { handler, delivery, metrics, log } = createHandler();

  for (const body of ["[null]", "garbage", "", "{}", '{"stream":"a","data":{}}'])
    handler.handle(body);

  expect(metrics.value("failed_broadcast_msg_total")).toBe(5);
  expect(log.messages("warn")).toEqual(Array(5).fill("failed to parse pubsub message"));
  expect([delivery.publications, delivery.commands]).toEqual([[], []]);
});
