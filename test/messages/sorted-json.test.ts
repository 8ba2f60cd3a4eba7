import { expect, test } from "bun:test";
import { sortedJson } from "../../src/messages/sorted-json.ts";

test("sortedJson orders the keys of every object and drops blanks", () => {
  const text = '{ "z": 1, "a": [ {"y": null, "b": true} ], "10": "x", "9": "ü" }';

  expect(sortedJson(text)).toBe('{"10":"x","9":"ü","a":[{"b":true,"y":null}],"z":1}');
});

test("sortedJson keeps the digits of numbers", () => {
  const text = "[12345678901234567890,1.50,-0,1e400,0.1]";

  expect(sortedJson(text)).toBe(text);
});

test("sortedJson treats __proto__ as a key like any other", () => {
  expect(sortedJson('{"a":{},"__proto__":{"x":1}}')).toBe('{"__proto__":{"x":1},"a":{}}');
});

test("sortedJson returns scalars, and text that is no JSON, as they are", () => {
  const texts = ['"a"', "null", "true", "", "{", '{"a":}', "undefined"];

  expect(texts.map(sortedJson)).toEqual(texts);
});

test("sortedJson returns what is nested too deep as it is, instead of exhausting the stack", () => {
  const deep = `${"[".repeat(30_000)} ${"]".repeat(30_000)}`;
  const bearable = `${"[".repeat(100)}${"]".repeat(100)}`;

  expect(sortedJson(deep)).toBe(deep);
  expect(sortedJson(` ${bearable}`)).toBe(bearable);
});
