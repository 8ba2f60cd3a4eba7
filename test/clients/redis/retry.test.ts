import { expect, test } from "bun:test";
import { nextRetryMs } from "../../../src/clients/redis/retry.ts";

test("nextRetryMs grows from 250 ms to whole seconds, 16 to 31 at most", () => {
  const shortest = [0, 1, 2, 3, 4, 5, 50].map((attempt) => nextRetryMs(attempt, 0));
  const longest = [0, 1, 2, 3, 4, 5, 50].map((attempt) => nextRetryMs(attempt, 0.999_999));

  expect(shortest).toEqual([250, 2000, 4000, 8000, 16_000, 16_000, 16_000]);
  expect(longest).toEqual([250, 3000, 7000, 15_000, 31_000, 31_000, 31_000]);
});
