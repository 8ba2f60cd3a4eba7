import { expect, test } from "bun:test";
import { historyStreamName } from "../../../src/broker/nats/stream-name.ts";

test("historyStreamName keeps names that JetStream takes, as nodes of the reference do", () => {
  for (const name of ["room", "room:42", "Z2lkOi8v--5f", "__proto__", "ключ✓"]) {
    expect(historyStreamName(name)).toBe(`_ac_${name}`);
  }
});

test("historyStreamName encodes what JetStream does not take", () => {
  expect(historyStreamName("chat/1")).toBe("_ac64_Y2hhdC8x");
  for (const name of ["a.b", "a b", "*", ">", "k\\x", "a\r\nb", "a\tb"]) {
    expect(historyStreamName(name)).toMatch(/^_ac64_[-_0-9A-Za-z]+$/);
  }
});

test("historyStreamName stays below 256 bytes for names of any length, and different", () => {
  const names = [
    "x".repeat(251),
    "x".repeat(252),
    "x".repeat(5000),
    "x".repeat(5001),
    "ü".repeat(300),
  ];

  const made = names.map(historyStreamName);

  for (const name of made) expect(Buffer.byteLength(name)).toBeLessThan(256);
  expect(new Set(made).size).toBe(names.length);
});

test("historyStreamName gives an encoded name and a name that looks like one different streams", () => {
  expect(historyStreamName("64_Y2hhdC8x")).not.toBe(historyStreamName("chat/1"));
});
