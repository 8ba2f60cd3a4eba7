import { expect, test } from "bun:test";
import { Duration } from "../../src/messages/duration.ts";

test.each([
  [0, "0s"],
  [0.0005, "500ns"],
  [0.08, "80µs"],
  [1.5, "1.5ms"],
  [250, "250ms"],
  [2_000, "2s"],
  [2_500, "2.5s"],
  [15_000, "15s"],
  [90_000, "1m30s"],
  [3_605_000, "1h0m5s"],
  [-250, "-250ms"],
])("Duration of %p ms reads %p", (ms, text) => {
  expect(String(new Duration(ms))).toBe(text);
});
