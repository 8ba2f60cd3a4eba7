import { expect, test } from "bun:test";
import { parseGoDuration } from "../../../src/clients/redis/go-duration.ts";

test.each([
  ["30s", 30_000],
  ["1m30s", 90_000],
  ["1.5h", 5_400_000],
  ["500ms", 500],
  ["250us", 0.25],
  [".5s", 500],
  ["0", 0],
  ["-1s", -1000],
])("parseGoDuration reads %s", (text, ms) => {
  expect(parseGoDuration(text)).toBe(ms);
});

test.each(["", "5", "s", "1x", "1s5", "1 s", "1s ", "abc1s"])(
  "parseGoDuration takes %j for no duration",
  (text) => {
    expect(parseGoDuration(text)).toBeNull();
  },
);
