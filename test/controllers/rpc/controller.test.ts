import { expect, test } from "bun:test";
import { type HttpAnswer, HttpBackendServer, json } from "../../support/http-backend.ts";
import { NEVER, openRoom, someClient } from "./room.ts";

/** The debug records of one of each call to an application that always answers like this. */
async function recordsOf(answer: HttpAnswer) {
  const backend = await new HttpBackendServer().start();
  backend.answer = () => answer;
  await using room = await openRoom({ host: backend.url, secret: "s3cret" });
  const { controller } = room;
  const client = someClient({ identifiers: "me" });

  await controller.authenticate(client, NEVER);
  await controller.subscribe(client, "chat", NEVER);
  await controller.perform(client, "chat", "{}", NEVER);
  await controller.unsubscribe(client, "chat", NEVER);

  await backend.stop();
  return room.log.records.filter(({ message }) => message.startsWith("controller "));
}

test("Each answer of the application is a debug record: states and identifiers are left out, long values cut", async () => {
  const records = await recordsOf(
    json({
      status: 1,
      identifiers: "token",
      transmissions: ["x".repeat(150)],
      streams: ["a"],
      stopped_streams: ["b"],
      env: { cstate: { key: "token" }, istate: { key: "token" } },
    }),
  );

  const transmissions = [`${"x".repeat(100)}...(50)`];
  const streams = { streams: ["a"], stopped_streams: ["b"], stop_streams: false };
  const response = { status: "success", transmissions, ...streams, disconnect: false };
  const base = { context: "rpc", sid: "s1" };
  expect(records.map(({ message, attributes }) => [message, attributes])).toEqual([
    ["controller authenticate", { ...base, response: { status: "success", transmissions } }],
    ["controller subscribe", { ...base, response }],
    ["controller perform", { ...base, response }],
    ["controller unsubscribe", { ...base, response }],
  ]);
});

test("A call without an answer is a debug record with the error", async () => {
  const records = await recordsOf(json({ status: 0, error_msg: "no" }));

  expect(records.map(({ attributes }) => attributes)).toEqual(
    Array.from({ length: 4 }, () => ({ context: "rpc", sid: "s1", err: "Application error: no" })),
  );
});
