import { expect, test } from "bun:test";
import { decodeSnapshot, encodeSnapshot } from "../../src/broker/snapshot-json.ts";
import type { SessionSnapshot } from "../../src/messages/snapshot.ts";

const SNAPSHOT: SessionSnapshot = {
  identifiers: '{"user":"42"}',
  subscriptions: [
    ['{"channel":"Chat"}', ["chat/1", "ключ"]],
    ["__proto__", []],
  ],
  cstate: [["__proto__", "x"]],
  istate: [["constructor", [["$w", "chat/1"]]]],
  interest: true,
  authenticatedAtMs: 1_764_590_400_000.25,
};

const JSON_TEXT =
  '{"ids":"{\\"user\\":\\"42\\"}","subs":{"{\\"channel\\":\\"Chat\\"}":["chat/1","ключ"],"__proto__":[]},' +
  '"cstate":{"__proto__":"x"},"istate":{"constructor":{"$w":"chat/1"}},"Disconnectable":true,"auth_at":1764590400000}';

test("encodeSnapshot writes a session as the reference does, whatever its keys are called, and the time of authentication", () => {
  expect(encodeSnapshot(SNAPSHOT)).toBe(JSON_TEXT);
});

test("decodeSnapshot gives back what was encoded", () => {
  expect(decodeSnapshot(JSON_TEXT)).toEqual({ ...SNAPSHOT, authenticatedAtMs: 1_764_590_400_000 });
});

test("decodeSnapshot takes missing parts for empty ones", () => {
  expect(decodeSnapshot('{"ids":"u"}')).toEqual({
    identifiers: "u",
    subscriptions: [],
    cstate: [],
    istate: [],
    interest: false,
    authenticatedAtMs: 0,
  });
});

test.each([
  "",
  "null",
  "[]",
  "{}",
  '{"ids":1}',
  '{"ids":"u","subs":[]}',
  '{"ids":"u","subs":{"a":"b"}}',
  '{"ids":"u","subs":{"a":[1]}}',
  '{"ids":"u","cstate":{"a":1}}',
  '{"ids":"u","istate":{"a":"b"}}',
  '{"ids":"u","istate":{"a":{"b":null}}}',
])("decodeSnapshot throws for %s, which is no session", (text) => {
  expect(() => decodeSnapshot(text)).toThrow("the entry in the cache is no session");
});

test("decodeSnapshot throws for text nested without end", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);

  expect(() => decodeSnapshot(`{"ids":"u","subs":${deep}}`)).toThrow("is no session");
});
