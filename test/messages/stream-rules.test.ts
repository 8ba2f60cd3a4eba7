import { expect, test } from "bun:test";
import { ServerError } from "../../src/messages/server-error.ts";
import { parseStreamRules, shortestPresenceTtlS } from "../../src/messages/stream-rules.ts";

test("parseStreamRules reads a rule per text and keeps their order", () => {
  const texts = [
    "chat/*:history_limit=1000,history_ttl=3600",
    " private/* : history = off , presence = off ",
    "*:presence_ttl=30,history=on",
  ];

  expect(parseStreamRules(texts)).toEqual([
    { pattern: "chat/*", historyLimit: 1000, historyTtlS: 3600 },
    { pattern: "private/*", history: false, presence: false },
    { pattern: "*", presenceTtlS: 30, history: true },
  ]);
});

test("parseStreamRules ends the pattern at the last colon", () => {
  expect(parseStreamRules(["gid://app/Chat:42:history=off", "__proto__:presence=true"])).toEqual([
    { pattern: "gid://app/Chat:42", history: false },
    { pattern: "__proto__", presence: true },
  ]);
});

test("parseStreamRules has no rules for nothing, and skips blank texts", () => {
  expect([[], ["", " "]].map(parseStreamRules)).toEqual([[], []]);
});

test.each([
  ["chat/*", "expected <pattern>:<setting>=<value>"],
  [":history=off", "expected <pattern>:<setting>=<value>"],
  [
    "chat/*:",
    'unknown setting "", allowed are history, history_limit, history_ttl, presence, presence_ttl',
  ],
  [
    "a:limit=1",
    'unknown setting "limit", allowed are history, history_limit, history_ttl, presence, presence_ttl',
  ],
  ["a:history_limit=-1", 'history_limit must be a whole number of at least 0, not "-1"'],
  ["a:history_limit=1.5", 'history_limit must be a whole number of at least 0, not "1.5"'],
  ["a:history_ttl=1h", 'history_ttl must be a whole number of at least 0, not "1h"'],
  ["a:presence_ttl", 'presence_ttl must be a whole number of at least 0, not ""'],
  ["a:presence=maybe", 'presence must be on or off, not "maybe"'],
])("parseStreamRules refuses %s and says why", (text, problem) => {
  const error = thrownBy(() => parseStreamRules(["b:history=on", text]));

  expect(error).toBeInstanceOf(ServerError);
  expect(error).toMatchObject({
    code: "invalid_stream_rules",
    message: `stream_rules: "${text}": ${problem}`,
  });
});

test("shortestPresenceTtlS is the shortest of default and rules, without zeros and switched-off rules", () => {
  const rules = parseStreamRules([
    "a:presence_ttl=5",
    "b:presence=off,presence_ttl=1",
    "c:presence_ttl=0",
  ]);

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
