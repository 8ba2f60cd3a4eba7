import { expect, test } from "bun:test";
import { asJsonObject, jsonErrorText, parseJsonObject } from "../../src/messages/json.ts";

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

// The runtime quotes the text it cannot read: logs showed more of a payload than their 100 bytes.
test("jsonErrorText says what is wrong with a text without repeating it at length", () => {
  const parse = (): unknown => JSON.parse("p".repeat(300));

  let text = "";
  try {
    parse();
  } catch (error) {
    text = jsonErrorText(error);
  }

  expect(text).toStartWith("JSON Parse error: ");
  expect(text).toMatch(/^[^p]+.{0,99}p\.\.\.\(\d+\)$/);
  expect(Buffer.byteLength(text)).toBeLessThan(110);
});
