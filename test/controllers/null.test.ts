import { expect, test } from "bun:test";
import { createNullController } from "../../src/controllers/null.ts";
import { NO_EFFECTS } from "../../src/messages/result.ts";
import { FakeLog } from "../support/fake-log.ts";
import { NEVER, someClient } from "./rpc/room.ts";

const CHAT = '{"channel":"Chat"}';

test("Without RPC every connection is refused as unauthorized, not to come back", async () => {
  const { controller } = createNullController({ log: new FakeLog() });

  expect(await controller.authenticate(someClient(), NEVER)).toEqual({
    status: "failure",
    transmissions: [{ type: "disconnect", reason: "unauthorized", reconnect: false }],
    cstate: null,
  });
});

test("Without RPC a subscription is rejected and adds no interest", async () => {
  const { controller } = createNullController({ log: new FakeLog() });

  expect(await controller.subscribe(someClient(), CHAT, NEVER)).toEqual({
    status: "failure",
    effects: {
      ...NO_EFFECTS,
      transmissions: [{ type: "reject_subscription", identifier: CHAT }],
    },
  });
});

test("Without RPC unsubscribe and message are not implemented, a disconnect does nothing", async () => {
  const { controller } = createNullController({ log: new FakeLog() });
  const refusal = { status: "error", error: "not implemented" } as const;

  expect(await controller.unsubscribe(someClient(), CHAT, NEVER)).toEqual(refusal);
  expect(await controller.perform(someClient(), CHAT, "{}", NEVER)).toEqual(refusal);
  expect(await controller.disconnect(someClient(), [])).toBeUndefined();
});

test("A server without RPC says so at the start", async () => {
  const log = new FakeLog();

  await createNullController({ log }).start();

  expect(log.records).toEqual([
    { level: "info", message: "no RPC configured", attributes: { context: "rpc", impl: "null" } },
  ]);
});
