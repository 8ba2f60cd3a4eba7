import { expect, test } from "bun:test";
import { DisconnectQueue } from "../../../src/core/node/disconnect-queue.ts";
import type { Client } from "../../../src/messages/client.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeLog } from "../../support/fake-log.ts";
import { FakeMetrics } from "../../support/fake-metrics.ts";
import { settled } from "../../support/node-room.ts";
import { ScriptedController } from "../../support/scripted-controller.ts";

const OPEN = new AbortController().signal;

function client(sid: string): Client {
  const env = { url: "http://cable.test/cable", headers: {} };
  return { sid, identifiers: "", env, cstate: new Map(), istate: new Map() };
}

function queueRoom(options: { rate?: number; backlog?: number } = {}) {
  const [clock, log, metrics] = [new FakeClock(), new FakeLog(), new FakeMetrics()];
  const controller = new ScriptedController();
  const queue = new DisconnectQueue(
    { rate: 100, backlog: 4096, ...options },
    { controller, clock, log, size: metrics.gauge("size", "") },
  );
  const add = (count: number): void => {
    for (let i = 0; i < count; i++) queue.add(client(`s${i}`), [`i${i}`]);
  };
  return { queue, clock, log, metrics, controller, add };
}

test("DisconnectQueue makes calls at its rate, in the order in which sessions left", async () => {
  const { clock, controller, metrics, add } = queueRoom({ rate: 10 });

  add(5);
  expect(metrics.value("size")).toBe(5);
  await clock.advanceAsync(250);
  expect(controller.calls.map(({ sid }) => sid)).toEqual(["s0", "s1", "s2"]);
  expect(metrics.value("size")).toBe(2);
  await clock.advanceAsync(1000);

  expect(controller.calls.map(({ sid, subscriptions }) => [sid, subscriptions])).toEqual(
    [0, 1, 2, 3, 4].map((i) => [`s${i}`, [`i${i}`]]),
  );
  expect(clock.pending).toBe(0);
});

test("DisconnectQueue reports each call when debugging, without cookies and tokens", async () => {
  const { queue, clock, log } = queueRoom();
  const env = { url: "http://cable.test/cable?jid=secret", headers: { cookie: "session=secret" } };

  queue.add({ ...client("s1"), identifiers: "user:1", env }, ["i1"]);
  await clock.advanceAsync(0);

  expect(log.records).toEqual([
    {
      level: "debug",
      message: "disconnect",
      attributes: {
        sid: "s1",
        ids: "user:1",
        url: "http://cable.test/cable",
        headers: ["cookie"],
        subscriptions: ["i1"],
      },
    },
  ]);
});

test("DisconnectQueue makes one call at a time, however long it takes", async () => {
  const { clock, controller, add } = queueRoom();
  const first = Promise.withResolvers<void>();
  controller.onDisconnect = () => first.promise;

  add(3);
  await clock.advanceAsync(1000);
  expect(controller.calls).toHaveLength(1);
  first.resolve();
  await settled();
  await clock.advanceAsync(100);

  expect(controller.calls).toHaveLength(3);
});

test("DisconnectQueue keeps the rate after a pause", async () => {
  const { clock, controller, add } = queueRoom({ rate: 10 });
  add(1);
  await clock.advanceAsync(60_000);

  add(3);
  await clock.advanceAsync(99);

  expect(controller.calls).toHaveLength(2);
});

test("DisconnectQueue reaches rates that timers are too coarse for [Q13]", async () => {
  const { clock, controller, add } = queueRoom({ rate: 5000 });

  add(4000);
  for (let ms = 0; ms < 500; ms++) await clock.advanceAsync(1);

  expect(controller.calls.length).toBeGreaterThanOrEqual(2400);
  expect(controller.calls.length).toBeLessThanOrEqual(2560);
});

test("DisconnectQueue reports a call that failed and makes the next", async () => {
  const { clock, controller, log, add } = queueRoom();
  controller.onDisconnect = () => {
    throw new Error("no answer");
  };

  add(2);
  await clock.advanceAsync(100);

  expect(controller.calls).toHaveLength(2);
  expect(log.messages("error")).toEqual([
    "controller disconnect failed",
    "controller disconnect failed",
  ]);
});

test("DisconnectQueue drops nothing beyond its backlog and warns once", () => {
  const { queue, log, add } = queueRoom({ backlog: 2 });

  add(5);

  expect(queue.size).toBe(5);
  expect(log.messages("warn")).toEqual([
    "more Disconnect calls are waiting than disconnect_backlog_size",
  ]);
});

test("DisconnectQueue makes every waiting call when it is drained, the one that waits for its turn included [Q18]", async () => {
  const { queue, clock, controller, add } = queueRoom({ rate: 1 });
  add(6);
  await clock.advanceAsync(0);

  expect(await queue.drain(OPEN)).toEqual({ made: 5, left: 0 });

  expect(controller.calls).toHaveLength(6);
  expect(clock.pending).toBe(0);
});

test("DisconnectQueue stops draining when the time is up and says what is left", async () => {
  const { queue, controller, add } = queueRoom({ rate: 1 });
  controller.onDisconnect = () => new Promise(() => undefined);
  const time = new AbortController();
  add(6);

  const drained = queue.drain(time.signal);
  await settled();
  time.abort();

  expect(await drained).toEqual({ made: 1, left: 5 });
});

test("DisconnectQueue in a hurry does not wait for the rate, but makes 16 calls at once at most", async () => {
  const { queue, clock, controller, add } = queueRoom({ rate: 1 });
  const answer = Promise.withResolvers<void>();
  controller.onDisconnect = () => answer.promise;
  queue.hurry();

  add(100);
  await settled();
  expect(controller.calls).toHaveLength(16);
  expect(queue.runningCount).toBe(100);
  answer.resolve();
  await queue.settled(OPEN);

  expect(controller.calls).toHaveLength(100);
  expect(queue.runningCount).toBe(0);
  expect(clock.pending).toBe(0);
});

test("DisconnectQueue takes nothing more once it is drained", async () => {
  const { queue, controller, add } = queueRoom();
  await queue.drain(OPEN);

  add(1);
  await settled();

  expect(controller.calls).toEqual([]);
});

test("DisconnectQueue keeps count over thousands of calls", async () => {
  const { queue, clock, controller, add } = queueRoom({ rate: 1000 });
  add(5000);

  await clock.advanceAsync(6000);

  expect([controller.calls.length, queue.size]).toEqual([5000, 0]);
});
