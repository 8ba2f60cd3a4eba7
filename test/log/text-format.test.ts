import { expect, test } from "bun:test";
import { TextFormat } from "../../src/log/text-format.ts";
import { Duration } from "../../src/messages/duration.ts";
import { ServerError } from "../../src/messages/server-error.ts";

const format = new TextFormat(false);

test.each([
  ["plain", "plain"],
  ["", '""'],
  ["a b", '"a b"'],
  ["a=b", '"a=b"'],
  ['a"b', '"a\\"b"'],
  ["a\tb", '"a\\tb"'],
  ["a\nb", '"a\\nb"'],
  ["a\x1b[31mb", '"a\\x1b[31mb"'],
  ["a\x00b", '"a\\x00b"'],
  ["a\x7fb", '"a\\x7fb"'],
  ["a\u00a0b", '"a\\u00a0b"'],
  ["a\u00adb", '"a\\u00adb"'],
  ["a\u2028b", '"a\\u2028b"'],
  ["a\ud800b", '"a\\ud800b"'],
  ["a\u{e0001}b", '"a\\U000e0001b"'],
  ["a\\b", "a\\b"],
  ["a\\ b", '"a\\\\ b"'],
  ["кот", "кот"],
  ["кот 😀", '"кот 😀"'],
  ["😀", "😀"],
  ["a,b", "a,b"],
  ["[x]{y}'%", "[x]{y}'%"],
])("TextFormat prints the value %j as %s", (value, printed) => {
  expect(format.attributes({ stream: value })).toBe(` stream=${printed}`);
});

test("TextFormat quotes keys by the same rule", () => {
  expect(format.attributes({ "a b": 1 })).toBe(' "a b"=1');
});

test.each([
  ["an integer", 42, "42"],
  ["a fraction", 1.5, "1.5"],
  ["a big integer", 12345678901234567890n, "12345678901234567890"],
  ["a boolean", false, "false"],
  ["null", null, "<nil>"],
  ["a duration", new Duration(15_000), "15s"],
  ["a list", ["a", "b"], '"[a b]"'],
  ["a list of one", ["a"], "[a]"],
  ["an empty list", [], "[]"],
  ["a list of lists", [["a", 1], [null]], '"[[a 1] [<nil>]]"'],
  ["a set", new Set(["a"]), "[a]"],
  ["a map", new Map([["k", 1]]), "map[k:1]"],
  ["bytes", new TextEncoder().encode("raw"), "raw"],
  ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
  ["an object of a class", new AbortController(), "AbortController"],
  ["a function", Math.max, '"function max"'],
])("TextFormat prints %s", (_, value, printed) => {
  expect(format.attributes({ value })).toBe(` value=${printed}`);
});

test("TextFormat leaves out what was not given", () => {
  expect(format.attributes({ a: undefined, b: 1 })).toBe(" b=1");
});

test("TextFormat prints errors by their message only", () => {
  const cause = new Error("secret of the inner library");
  const error = new ServerError("connection_failed", "connection refused", { cause });

  expect(format.attributes({ error })).toBe(' error="connection refused"');
});

test("TextFormat prints the code of an error that has no message", () => {
  const error = Object.assign(new AggregateError([]), { code: "ECONNREFUSED" });

  expect(format.attributes({ error })).toBe(" error=ECONNREFUSED");
});

test("TextFormat flattens groups into dotted keys and drops empty ones", () => {
  const data = { command: "subscribe", history: { since: 5 }, empty: {} };

  expect(format.attributes({ data })).toBe(" data.command=subscribe data.history.since=5");
});

test("TextFormat keeps names of the prototype as ordinary keys", () => {
  const data: unknown = JSON.parse('{"__proto__":"x","constructor":1}');

  expect(format.attributes({ data })).toBe(" data.__proto__=x data.constructor=1");
});

test("TextFormat stops at groups that contain themselves", () => {
  const loop: Record<string, unknown> = {};
  loop["l"] = loop;

  expect(format.attributes(loop)).toBe(` ${"l.".repeat(8)}l=...`);
});

test("TextFormat keeps a record on one line whatever its message holds", () => {
  const line = format.line(0, "warn", "Unknown key: a\nERR fake\x1b[31m кот\t=", "", {});

  expect(line.slice("YYYY-MM-DD HH:MM:SS.mmm ".length)).toBe(
    "WRN Unknown key: a\\nERR fake\\x1b[31m кот\\t=\n",
  );
});
