import { expect, test } from "bun:test";
import { ServerError } from "../../src/messages/server-error.ts";
import { parseStreamRules, shortestPresenceTtlS } from "../../src/messages/stream-rules.ts";

test("parseStreamRules reads the text of the flag, in order", () => {
  const text =
    "chat/*:history_limit=1000,history_ttl=3600; private/*:history=off,presence=off ;*:presence_ttl=30,history=on;";

  expect(parseStreamRules(text)).toEqual([
    { pattern: "chat/*", historyLimit: 1000, historyTtlS: 3600 },
    { pattern: "private/*", history: false, presence: false },
    { pattern: "*", presenceTtlS: 30, history: true },
  ]);
});

test("parseStreamRules reads the tables of the configuration file", () => {
  const tables = Bun.TOML.parse(`
    [[broker.stream_rules]]
    stream = "a;b:*"
    history_limit = 0
    [[broker.stream_rules]]
    stream = "__proto__"
    history = false
    presence = "on"
  `) as { broker: { stream_rules: unknown } };

  expect(parseStreamRules(tables.broker.stream_rules)).toEqual([
    { pattern: "a;b:*", historyLimit: 0 },
    { pattern: "__proto__", history: false, presence: true },
  ]);
});

test("parseStreamRules ends the pattern at the last colon", () => {
  expect(parseStreamRules("gid://app/Chat:42:history=off")).toEqual([
    { pattern: "gid://app/Chat:42", history: false },
  ]);
});

test("parseStreamRules has no rules for nothing", () => {
  expect(["", " ; ", [], undefined].map(parseStreamRules)).toEqual([[], [], [], []]);
});

test.each([
  ["chat/*", 'stream_rules: "chat/*": expected <pattern>:<setting>=<value>'],
  [":history=off", "stream_rules: a rule has an empty pattern"],
  ["chat/*:", 'stream_rules: "chat/*" has no settings'],
  [
    "a:history_limit=-1",
    'stream_rules: "a": history_limit must be an integer of at least 0, not "-1"',
  ],
  ["a:history_ttl=1h", 'stream_rules: "a": history_ttl must be an integer of at least 0, not "1h"'],
  ["a:history_ttl", 'stream_rules: "a": history_ttl must be an integer of at least 0, not ""'],
  ["a:presence=maybe", 'stream_rules: "a": presence must be on or off, not "maybe"'],
  [
    "a:limit=1",
    'stream_rules: "a": unknown setting "limit", allowed are history, history_limit, history_ttl, presence, presence_ttl',
  ],
  [5, "stream_rules: expected text or an array of tables"],
  [["a:history=off"], "stream_rules: expected a table with a stream pattern"],
  [[{ history: false }], "stream_rules: a rule has no text in `stream`"],
  [
    [{ stream: "a", history_limit: 1.5 }],
    'stream_rules: "a": history_limit must be an integer of at least 0, not "1.5"',
  ],
])("parseStreamRules refuses %j and says why", (source, message) => {
  const error = thrownBy(() => parseStreamRules(source));

  expect(error).toBeInstanceOf(ServerError);
  expect(error).toMatchObject({ code: "invalid_stream_rules", message });
});

test("shortestPresenceTtlS is the shortest of default and rules, without zeros and switched-off rules", () => {
  const rules = parseStreamRules("a:presence_ttl=5;b:presence=off,presence_ttl=1;c:presence_ttl=0");

  expect(shortestPresenceTtlS(rules, 15)).toBe(5);
  expect(shortestPresenceTtlS([], 15)).toBe(15);
  expect(shortestPresenceTtlS([], 0)).toBe(0);
});

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return null;
}
