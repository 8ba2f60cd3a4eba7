import { expect, test } from "bun:test";
import { asJsonObject, parseJsonObject } from "../../src/messages/json.ts";

test("parseJsonObject gives the members of an object, the last of equal names", () => {
  expect(parseJsonObject(' {"a":1,"a":[2]}\n')).toEqual({ a: [2] });
});

test.each(["", "x", "null", "1", '"{}"', "[]", "[{}]", "{}x", '{"a":', "[".repeat(100_000)])(
  "parseJsonObject finds no object in %p",
  (text) => {
    expect(parseJsonObject(text)).toBeNull();
  },
);

test("parseJsonObject keeps a member called __proto__ a member", () => {
  const object = parseJsonObject('{"__proto__":{"admin":true}}');

  expect(object?.["admin"]).toBeUndefined();
});

test("asJsonObject takes objects only", () => {
  expect([null, undefined, [], "x", 1, true].map(asJsonObject)).toEqual(Array(6).fill(null));
  expect(asJsonObject({ a: 1 })).toEqual({ a: 1 });
});
