import { expect, test } from "bun:test";
import { timeoutHeader } from "../../../../src/controllers/rpc/grpc/timeout-header.ts";

test.each([
  [3000, "3000m"],
  [2999.871, "3000m"],
  [99.5, "99500u"],
  [0.5, "500u"],
  [0, "1u"],
  [99_999_999, "99999999m"],
  [2e8, "200000S"],
])("%p ms are written as %s", (timeoutMs, text) => {
  expect(timeoutHeader(timeoutMs)).toBe(text);
});
