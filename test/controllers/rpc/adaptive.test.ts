import { expect, test } from "bun:test";
import { AdaptiveConcurrency, normalBounds } from "../../../src/controllers/rpc/adaptive.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeMetrics } from "../../support/fake-metrics.ts";

class FakePermits {
  waiting = 0;
  capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  resize(total: number): void {
    this.capacity = total;
  }
}

function adaptive(bounds = { initial: 25, min: 5, max: 100 }) {
  const clock = new FakeClock();
  const metrics = new FakeMetrics();
  const permits = new FakePermits(bounds.initial);
  const capacity = metrics.gauge("capacity", "");
  const adjuster = new AdaptiveConcurrency(bounds, { clock, permits, capacity });
  adjuster.start();
  return { clock, metrics, permits, adjuster };
}

test("Capacity starts at the initial value and stays while nobody waits", () => {
  const { clock, permits, metrics } = adaptive();

  clock.advance(5000);

  expect(permits.capacity).toBe(25);
  expect(metrics.value("capacity")).toBe(25);
});

test("Capacity grows by a quarter of those who wait, by a tenth at most", () => {
  const { clock, permits } = adaptive();

  permits.waiting = 5;
  clock.advance(1000);
  expect(permits.capacity).toBe(27); // +2 = ceil(5 / 4)

  permits.waiting = 1000;
  clock.advance(1000);
  expect(permits.capacity).toBe(30); // ceil(27 * 1.1)
});

test("A tenth of a round number is exact", () => {
  const { clock, permits } = adaptive({ initial: 50, min: 1, max: 100 });

  permits.waiting = 1000;
  clock.advance(1000);

  expect(permits.capacity).toBe(55); // 50 * 1.1 is a little more than 55
});

test("Capacity never leaves its bounds", () => {
  const { clock, permits, adjuster } = adaptive({ initial: 9, min: 8, max: 10 });

  permits.waiting = 100;
  clock.advance(3000);
  expect(permits.capacity).toBe(10);

  for (let tick = 0; tick < 3; tick++) {
    adjuster.exhausted();
    clock.advance(1000);
  }
  expect(permits.capacity).toBe(8);
});

test("Exhaustion lowers the capacity by a quarter, also while callers wait", () => {
  const { clock, permits, adjuster } = adaptive();
  permits.waiting = 50;

  adjuster.exhausted();
  clock.advance(1000);

  expect(permits.capacity).toBe(18);
});

test("Exhaustion lowers a small capacity by one at least", () => {
  const { clock, permits, adjuster } = adaptive({ initial: 2, min: 1, max: 10 });

  adjuster.exhausted();
  clock.advance(1000);

  expect(permits.capacity).toBe(1);
});

test("The gauge is refreshed every ten seconds", () => {
  const { clock, permits, metrics } = adaptive();
  permits.waiting = 1;

  clock.advance(9999);
  expect(metrics.value("capacity")).toBe(25);
  clock.advance(1);

  expect(metrics.value("capacity")).toBe(permits.capacity);
});

test("A stopped adjuster leaves no timer behind", () => {
  const { clock, adjuster } = adaptive();

  adjuster.stop();

  expect(clock.pending).toBe(0);
});

test("Bounds are put right: at least 1, max not below min, the start between them", () => {
  expect(normalBounds({ initial: 25, min: 0, max: 100 })).toEqual({
    initial: 25,
    min: 1,
    max: 100,
  });
  expect(normalBounds({ initial: 25, min: 30, max: 20 })).toEqual({
    initial: 30,
    min: 30,
    max: 30,
  });
  expect(normalBounds({ initial: 500, min: 5, max: 100 })).toMatchObject({ initial: 100 });
});
