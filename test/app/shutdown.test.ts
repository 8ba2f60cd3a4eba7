import { expect, test } from "bun:test";
import { ShutdownDeadline } from "../../src/app/shutdown.ts";
import { FakeClock } from "../support/fake-clock.ts";

test("ShutdownDeadline gives its time from the first signal on, then aborts", () => {
  const clock = new FakeClock();
  const deadline = new ShutdownDeadline(30_000, { clock });

  clock.advance(10_000);
  expect([deadline.leftMs, deadline.signal.aborted]).toEqual([20_000, false]);
  clock.advance(20_000);

  expect([deadline.leftMs, deadline.signal.aborted, deadline.isForced]).toEqual([0, true, false]);
});

test("ShutdownDeadline is over at once when the operator is out of patience", () => {
  const deadline = new ShutdownDeadline(30_000, { clock: new FakeClock() });

  deadline.force();

  expect([deadline.leftMs, deadline.signal.aborted, deadline.isForced]).toEqual([0, true, true]);
});

test("ShutdownDeadline without any time is over from the beginning", async () => {
  const deadline = new ShutdownDeadline(0, { clock: new FakeClock() });

  expect(deadline.signal.aborted).toBe(true);
  await deadline.wait(1000);
});

test("ShutdownDeadline ends a wait when its time comes, or its own end", async () => {
  const clock = new FakeClock();
  const deadline = new ShutdownDeadline(5000, { clock });

  const short = deadline.wait(1000);
  clock.advance(1000);
  await short;
  const long = deadline.wait(60_000);
  clock.advance(4000);
  await long;

  expect(deadline.leftMs).toBe(0);
});
