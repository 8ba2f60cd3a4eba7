import { expect, test } from "bun:test";
import { JoinedSessions } from "../../../src/presence/redis/joined-sessions.ts";

const VERA = { id: "42", info: '{"name":"V"}' };

test("JoinedSessions remembers under which id a session has joined, until it leaves", () => {
  const joined = new JoinedSessions(1000);
  joined.join("s1", "a", VERA, 0);
  joined.join("s1", "b", VERA, 0);

  joined.leave("s1", "a");

  expect([joined.membership("s1", "a"), joined.membership("s1", "b")]).toEqual([null, VERA]);
  joined.leave("s1", "b");
  expect(joined.size).toBe(0);
});

test("JoinedSessions lists sessions by stream", () => {
  const joined = new JoinedSessions(1000);
  joined.join("s1", "a", VERA, 0);
  joined.join("s2", "a", VERA, 0);
  joined.join("s2", "b", VERA, 0);

  expect([...joined.byStream(["s1", "s2", "unknown"])]).toEqual([
    ["a", ["s1", "s2"]],
    ["b", ["s2"]],
  ]);
});

test("JoinedSessions forgets sessions that are not touched any more, only them", () => {
  const joined = new JoinedSessions(1000);
  joined.join("old", "a", VERA, 0);
  joined.join("loved", "a", VERA, 0);
  joined.join("young", "a", VERA, 900);

  expect([joined.touch("loved", 800), joined.touch("unknown", 800)]).toEqual([true, false]);
  joined.forgetGone(1500);

  expect([...joined.byStream(["old", "loved", "young"])]).toEqual([["a", ["loved", "young"]]]);
});
