import { expect, test } from "bun:test";
import { Backoff, GRPC_BACKOFF } from "../../../../src/controllers/rpc/grpc/backoff.ts";

test("Delays start at 1 s, grow 1.6 times, end at 120 s and start anew after a success", () => {
  const backoff = new Backoff(GRPC_BACKOFF, () => 0.5);

  const delays = Array.from({ length: 12 }, () => Math.round(backoff.nextMs()));
  expect(delays.slice(0, 4)).toEqual([1000, 1600, 2560, 4096]);
  expect(delays.at(-1)).toBe(120_000);

  backoff.reset();
  expect(backoff.nextMs()).toBe(1000);
});

test("Delays vary by a fifth either way", () => {
  expect(new Backoff(GRPC_BACKOFF, () => 0).nextMs()).toBeCloseTo(800);
  expect(new Backoff(GRPC_BACKOFF, () => 1).nextMs()).toBeCloseTo(1200);
});
