import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import {
  countDescriptors,
  DescriptorGuard,
} from "../../../src/transports/http/descriptor-guard.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeLog } from "../../support/fake-log.ts";

const LIMIT = 200;

async function guarded(limit = LIMIT) {
  const [clock, log] = [new FakeClock(), new FakeLog()];
  const files = { used: 10 };
  const guard = new DescriptorGuard(limit, { clock, log, countUsed: () => files.used });
  await guard.start();
  return { guard, clock, log, files };
}

test("DescriptorGuard refuses newcomers in the last 64 descriptors", async () => {
  const { guard, files } = await guarded();
  let admitted = 0;

  while (guard.hasRoom()) {
    admitted++;
    files.used++;
  }

  expect(files.used).toBe(LIMIT - 64);
  expect(admitted).toBe(LIMIT - 64 - 10);
});

test("DescriptorGuard has room again as soon as descriptors are free, without waiting for its next look", async () => {
  const { guard, files } = await guarded();
  files.used = LIMIT;
  while (guard.hasRoom());

  files.used = 20;

  expect(guard.hasRoom()).toBe(true);
});

test("DescriptorGuard says once when it is full, and once when it is not any more", async () => {
  const { clock, log, files } = await guarded();

  files.used = LIMIT;
  clock.advance(1000);
  files.used = 10;
  clock.advance(1000);

  expect(log.records.map(({ level, message }) => [level, message])).toEqual([
    ["error", "too many open files, new connections are refused"],
    ["info", "new connections are accepted again"],
  ]);
});

test("DescriptorGuard lets everybody in when there is no limit", async () => {
  const { guard } = await guarded(Number.POSITIVE_INFINITY);

  for (let i = 0; i < 1000; i++) expect(guard.hasRoom()).toBe(true);
});

test("DescriptorGuard leaves no timer behind", async () => {
  const { guard, clock } = await guarded();

  await guard.stop();

  expect(clock.pending).toBe(0);
});

test("countDescriptors counts one more for one more open file", () => {
  const before = countDescriptors(1000);

  const file = openSync("/dev/null", "r");
  const during = countDescriptors(1000);
  closeSync(file);

  expect([during - before, countDescriptors(1000) - before]).toEqual([1, 0]);
});
