import { expect, test } from "bun:test";
import { GaugeRefresher } from "../../src/metrics/gauge-refresher.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeLog } from "../support/fake-log.ts";

function open(intervalMs: number, refreshers: readonly (() => void)[]) {
  const clock = new FakeClock();
  const log = new FakeLog();
  return { service: new GaugeRefresher({ intervalMs }, { refreshers, clock, log }), clock, log };
}

test("GaugeRefresher refreshes once per interval, the first time after one interval", async () => {
  let count = 0;
  const { service, clock } = open(5000, [() => void count++]);
  await service.start();

  clock.advance(4999);
  expect(count).toBe(0);
  clock.advance(5001);

  expect(count).toBe(2);
});

test("GaugeRefresher reports a refresher that fails and calls the others", async () => {
  let count = 0;
  const error = new Error("hub is gone");
  const fails = () => {
    throw error;
  };
  const { service, clock, log } = open(5000, [fails, () => void count++]);
  await service.start();

  clock.advance(10_000);

  expect(count).toBe(2);
  expect(log.records[0]).toEqual({
    level: "error",
    message: "failed to refresh gauges",
    attributes: { context: "metrics", error },
  });
});

test("GaugeRefresher with interval 0 never refreshes", async () => {
  const { service, clock } = open(0, [expect.unreachable]);

  await service.start();

  expect(clock.pending).toBe(0);
});

test("GaugeRefresher refreshes nothing after its stop", async () => {
  const { service, clock } = open(5000, [expect.unreachable]);
  await service.start();

  await service.stop();
  clock.advance(20_000);

  expect(clock.pending).toBe(0);
});
