import { expect, test } from "bun:test";
import { retryDelayMs } from "../../../src/clients/nats/retry.ts";

test("retryDelayMs doubles after a lost connection: 250 ms, 2 to 3 s, 4 to 7, 8 to 15, 16 to 31", () => {
  const bounds = [0, 1, 2, 3, 4, 9].map((attempt) => [
    retryDelayMs(attempt, 0, true),
    retryDelayMs(attempt, 0.999, true),
  ]);

  expect(bounds).toEqual([
    [250, 250],
    [2000, 3000],
    [4000, 7000],
    [8000, 15_000],
    [16_000, 31_000],
    [16_000, 31_000],
  ]);
});

test("retryDelayMs asks for a server that was never there every 2 to 3 seconds", () => {
  expect(retryDelayMs(0, 0.5, false)).toBe(250);
  expect(retryDelayMs(9, 0.999, false)).toBe(3000);
});
