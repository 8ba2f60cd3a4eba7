import { afterEach, expect, setSystemTime, test } from "bun:test";
import { createSystemClock } from "../../src/app/system-clock.ts";

afterEach(() => {
  setSystemTime();
});

test("The system clock tells the system's time, with a fraction of a millisecond", () => {
  const clock = createSystemClock();

  const before = Date.now();
  const times = Array.from({ length: 100 }, () => clock.now());

  expect(Math.abs((times[0] ?? 0) - before)).toBeLessThan(50);
  expect(times.some((time) => !Number.isInteger(time))).toBe(true);
});

test("The system clock follows when the time is set, forward and back", () => {
  const clock = createSystemClock();
  const now = Date.now();

  for (const offsetMs of [3_600_000, -3_600_000]) {
    setSystemTime(new Date(now + offsetMs));
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(50);
  }
});

test("The system clock runs a timer once, and a cancelled one not at all", async () => {
  const clock = createSystemClock();
  const ran: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();

  clock.after(1, () => ran.push("cancelled")).cancel();
  clock.after(-5, () => ran.push("first"));
  clock.after(5, () => {
    ran.push("second");
    resolve();
  });
  const far = clock.after(2 ** 40, () => ran.push("at once, beyond the runtime's limit"));
  // Its timers do not keep a process alive: the test has to.
  const alive = setInterval(() => undefined, 1);
  await promise;
  clearInterval(alive);
  far.cancel();

  expect(ran).toEqual(["first", "second"]);
});
