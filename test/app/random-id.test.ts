import { expect, test } from "bun:test";
import { createRandomId, SID_LENGTH } from "../../src/app/random-id.ts";

test("createRandomId makes ids of the length asked for over 64 characters, and no two alike", () => {
  const randomId = createRandomId();

  const ids = Array.from({ length: 10_000 }, () => randomId(SID_LENGTH));

  expect(ids.every((id) => /^[-_0-9A-Za-z]{21}$/.test(id))).toBe(true);
  expect(new Set(ids).size).toBe(10_000);
  expect(new Set(ids.join("")).size).toBe(64);
});
