import { expect, test } from "bun:test";
import { Permits } from "../../../src/controllers/rpc/permits.ts";
import { FakeMetrics } from "../../support/fake-metrics.ts";

function permits(total: number) {
  const metrics = new FakeMetrics();
  return { metrics, permits: new Permits(total, { pending: metrics.gauge("pending", "") }) };
}

test("Permits are given in the order in which they were asked for", async () => {
  const { permits: gate, metrics } = permits(1);
  const order: string[] = [];
  expect(gate.tryTake()).toBe(true);
  const first = gate.wait().then(() => order.push("first"));
  const second = gate.wait().then(() => order.push("second"));

  expect(metrics.value("pending")).toBe(2);
  gate.release();
  await first;
  expect(metrics.value("pending")).toBe(1);
  gate.release();
  await second;

  expect(order).toEqual(["first", "second"]);
  expect(metrics.value("pending")).toBe(0);
});

test("Nobody overtakes those who wait", () => {
  const { permits: gate } = permits(1);
  gate.tryTake();
  void gate.wait(); // granted by nobody: the test ends before

  expect(gate.tryTake()).toBe(false);
});

test("A lower capacity lets running calls finish and gives out no permit until they have", async () => {
  const { permits: gate } = permits(2);
  gate.tryTake();
  gate.tryTake();
  gate.resize(1);
  let isGranted = false;
  const waiting = gate.wait().then(() => {
    isGranted = true;
  });

  gate.release();
  await Promise.resolve();
  expect(isGranted).toBe(false);
  gate.release();
  await waiting;

  expect(isGranted).toBe(true);
});

test("A higher capacity serves those who wait at once", async () => {
  const { permits: gate } = permits(1);
  gate.tryTake();
  const waiting = gate.wait();

  gate.resize(2);

  await waiting;
  expect(gate.waiting).toBe(0);
});
