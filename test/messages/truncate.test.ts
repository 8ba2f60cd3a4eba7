import { expect, test } from "bun:test";
import { truncate } from "../../src/messages/truncate.ts";

test("truncate leaves 100 bytes as they are", () => {
  expect(truncate("v".repeat(100))).toBe("v".repeat(100));
});

test("truncate cuts a longer text after 100 bytes and says how many are left", () => {
  expect(truncate("y".repeat(300))).toBe(`${"y".repeat(100)}...(200)`);
});

test("truncate counts bytes, not characters", () => {
  expect(truncate("к".repeat(50))).toBe("к".repeat(50));
  expect(truncate("к".repeat(51))).toBe(`${"к".repeat(50)}...(2)`);
});

test("truncate never cuts a character in two", () => {
  expect(truncate(`a${"😀".repeat(30)}`)).toBe(`a${"😀".repeat(24)}...(24)`);
});

test("truncate shows a binary frame as text", () => {
  const frame = new Uint8Array(130).fill(0x78);

  expect(truncate(frame)).toBe(`${"x".repeat(100)}...(30)`);
  expect(truncate(frame.subarray(0, 3))).toBe("xxx");
});

test("truncate shows bytes that are no UTF-8 as replacement characters", () => {
  expect(truncate(new Uint8Array([0x61, 0xff, 0x62]))).toBe("a\ufffdb");
});
