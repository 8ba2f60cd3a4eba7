import { expect, test } from "bun:test";
import type { ChannelState } from "../../../../src/controllers/rpc/grpc/channel.ts";
import { Readiness } from "../../../../src/controllers/rpc/grpc/readiness.ts";
import { FakeLog } from "../../../support/fake-log.ts";

function setup() {
  const log = new FakeLog();
  const channel = {
    state: "ready" as ChannelState,
    lastError: "connect ECONNREFUSED",
    resets: 0,
    resetBackoff() {
      this.resets += 1;
    },
  };
  return { log, channel, readiness: new Readiness({ channel, log }) };
}

test("A lost connection gets one attempt, and a reconnect at once; later calls fail until it is back", () => {
  const { log, channel, readiness } = setup();
  channel.state = "transient_failure";

  expect(readiness.refusal()).toBeNull();
  expect(readiness.refusal()?.message).toBe("grpc connection is not ready");
  expect(readiness.refusal()?.message).toBe("grpc connection is not ready");
  channel.state = "ready";
  expect(readiness.refusal()).toBeNull();
  expect(readiness.refusal()).toBeNull();

  expect(channel.resets).toBe(1);
  expect(log.records).toEqual([
    {
      level: "warn",
      message: "connection is lost, trying to reconnect immediately",
      attributes: { error: "connect ECONNREFUSED" },
    },
    { level: "info", message: "connection is restored", attributes: {} },
  ]);
});

test("A closed channel refuses every call", () => {
  const { channel, readiness } = setup();
  channel.state = "shutdown";

  expect(readiness.refusal()?.message).toBe("grpc connection is closed");
});

test.each(["idle", "connecting", "ready"] as const)("A channel that is %s takes calls", (state) => {
  const { channel, readiness } = setup();
  channel.state = state;

  expect(readiness.refusal()).toBeNull();
});
