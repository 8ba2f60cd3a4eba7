import { expect, test } from "bun:test";
import { isBearer } from "../../src/messages/bearer.ts";

test("isBearer wants the word, one blank and the whole secret", () => {
  expect(isBearer("Bearer k1", "k1")).toBe(true);

  const wrong = ["bearer k1", "Bearer  k1", "Bearer k1 ", "Bearer k", "Bearer k11", "k1", "", null];
  expect(wrong.filter((header) => isBearer(header, "k1"))).toEqual([]);
});

test("isBearer tells upper from lower case in the secret", () => {
  expect(isBearer("Bearer ABCDEF", "abcdef")).toBe(false);
});

test("isBearer never takes an empty secret", () => {
  expect(isBearer("Bearer ", "")).toBe(false);
});
