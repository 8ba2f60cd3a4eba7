import { expect, test } from "bun:test";
import { FakeClock } from "../../support/fake-clock.ts";
import { HttpBackendServer, json } from "../../support/http-backend.ts";
import { NEVER, openRoom, someClient } from "./room.ts";

async function slowApplication() {
  const backend = await new HttpBackendServer().start();
  backend.answer = () => "hang";
  return Object.assign(backend, { [Symbol.asyncDispose]: () => backend.stop() });
}

test("An idle controller ends at once and says that nothing runs", async () => {
  await using room = await openRoom({});

  await room.service.stop(NEVER);

  expect(room.log.messages("info")).toEqual(["all active RPC calls finished"]);
});

test("The end waits for a call that runs", async () => {
  await using backend = await slowApplication();
  backend.answer = () => ({ body: '{"status":1}', delayMs: 50 });
  await using room = await openRoom({ host: backend.url });
  const running = room.controller.authenticate(someClient(), NEVER);
  await backend.until(() => backend.calls.length === 1);

  await room.service.stop(NEVER);

  expect((await running).status).toBe("success");
  expect(room.log.records.filter(({ level }) => level === "info")).toEqual([
    {
      level: "info",
      message: "waiting for active RPC calls to finish",
      attributes: { context: "rpc", num: 1 },
    },
    {
      level: "info",
      message: "all active RPC calls finished",
      attributes: { context: "rpc" },
    },
  ]);
});

test("The end does not wait longer than it is given: the call fails, the log says so", async () => {
  await using backend = await slowApplication();
  await using room = await openRoom({ host: backend.url });
  const ending = new AbortController();
  const running = room.controller.authenticate(someClient(), NEVER);
  await backend.until(() => backend.calls.length === 1);

  const stopped = room.service.stop(ending.signal);
  ending.abort();
  await stopped;

  expect((await running).status).toBe("error");
  expect(room.log.records).toContainEqual({
    level: "warn",
    message: "failed to shutdown controller gracefully",
    attributes: { context: "rpc", error: "terminated while completing active RPC calls: 1" },
  });
});

test("The end does not wait longer than a call may take", async () => {
  const clock = new FakeClock();
  await using backend = await slowApplication();
  await using room = await openRoom(
    { host: backend.url, commandTimeoutMs: 500, httpRequestTimeoutMs: 400 },
    clock,
  );
  const running = room.controller.authenticate(someClient(), NEVER);
  await backend.until(() => backend.calls.length === 1);

  const stopped = room.service.stop(NEVER);
  await clock.advanceAsync(400);
  await stopped;

  expect((await running).status).toBe("error");
  expect(clock.pending).toBe(0);
});

test("A call after the end fails without reaching the application", async () => {
  await using backend = await slowApplication();
  backend.answer = () => json({ status: 1 });
  await using room = await openRoom({ host: backend.url });
  await room.service.stop(NEVER);

  const result = await room.controller.authenticate(someClient(), NEVER);

  expect(result).toEqual({ status: "error", error: "http rpc is closed" });
  expect(backend.calls).toEqual([]);
});
