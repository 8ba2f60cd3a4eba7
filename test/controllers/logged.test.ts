import { expect, test } from "bun:test";
import { LoggedController } from "../../src/controllers/logged.ts";
import { FakeLog } from "../support/fake-log.ts";
import { client, openSignal } from "./clients.ts";
import {
  DONE_BY_APPLICATION,
  LET_IN_BY_APPLICATION,
  RecordingController,
} from "./recording-controller.ts";

function create() {
  const application = new RecordingController();
  const log = new FakeLog();
  return { application, log, controller: new LoggedController({ next: application, log }) };
}

test("LoggedController tells what was answered to whom, and passes it on", async () => {
  const { application, log, controller } = create();
  const signal = openSignal();

  expect(await controller.authenticate(client(), signal)).toEqual(LET_IN_BY_APPLICATION);
  expect(await controller.subscribe(client(), "i", signal)).toEqual(DONE_BY_APPLICATION);
  expect(await controller.perform(client(), "i", "{}", signal)).toEqual(DONE_BY_APPLICATION);
  expect(await controller.unsubscribe(client(), "i", signal)).toEqual(DONE_BY_APPLICATION);
  await controller.disconnect(client(), ["i"]);

  const done = { status: "success", streams: ["room"], stopped_streams: [], transmissions: [] };
  const welcome = { status: "success", transmissions: ['{"type":"welcome"}'] };
  expect(log.records.map(({ message, attributes }) => [message, attributes])).toEqual(
    [
      ["controller authenticate", welcome] as const,
      ["controller subscribe", done] as const,
      ["controller perform", done] as const,
      ["controller unsubscribe", done] as const,
    ].map(([message, response]) => [message, { context: "node", sid: "s1", response, err: null }]),
  );
  expect(application.calls).toHaveLength(5);
});

test("LoggedController tells why nobody could answer, and cuts long transmissions", async () => {
  const { application, log, controller } = create();
  const transmissions = ["x".repeat(120)];
  application.authenticate = async () => ({ ...LET_IN_BY_APPLICATION, transmissions });
  application.subscribe = async () => ({ status: "error", error: "away" });

  await controller.authenticate(client(), openSignal());
  await controller.subscribe(client(), "i", openSignal());

  expect(log.records.map(({ attributes }) => [attributes["response"], attributes["err"]])).toEqual([
    [{ status: "success", transmissions: [`${"x".repeat(100)}...(20)`] }, null],
    [{ status: "error" }, "away"],
  ]);
});
