import { expect, test } from "bun:test";
import { StreamMatcher } from "../../src/messages/stream-matcher.ts";
import type { StreamRule } from "../../src/messages/stream-rules.ts";

const patternOf = (rule: StreamRule | null): string => rule?.pattern ?? "none";

test("StreamMatcher answers with the first rule that matches, else with the fallback", () => {
  const rules = [{ pattern: "chat/vip/*" }, { pattern: "chat/*" }, { pattern: "news" }];
  const matcher = new StreamMatcher(rules, patternOf);

  const streams = ["chat/vip/1", "chat/1", "news", "news/1", "chat", ""];

  expect(streams.map((stream) => matcher.settingsOf(stream))).toEqual([
    "chat/vip/*",
    "chat/*",
    "news",
    "none",
    "none",
    "none",
  ]);
});

test.each([
  ["*", ["", "a", "a/b", "__proto__"], []],
  ["a*", ["a", "a/b"], ["ba", ""]],
  ["*a", ["a", "b/a"], ["ab"]],
  ["a*a", ["aa", "aba", "aaa"], ["a", "ab"]],
  ["a*b*c", ["abc", "a/b/c", "abbcc"], ["acb", "ac", "abcd"]],
  ["a**b", ["ab", "a-b"], ["a"]],
  ["*ab*ab", ["abab", "xab-ab"], ["ab", "aba"]],
  ["a.c", ["a.c"], ["abc"]],
  ["[a](b)+?", ["[a](b)+?"], ["a"]],
])(
  "StreamMatcher takes * for any characters and everything else literally: %s",
  (pattern, matching, others) => {
    const matcher = new StreamMatcher([{ pattern }], patternOf);

    expect([...matching, ...others].filter((s) => matcher.settingsOf(s) === pattern)).toEqual(
      matching,
    );
  },
);

test("StreamMatcher asks for the settings of a rule once and shares them", () => {
  let asked = 0;
  const matcher = new StreamMatcher([{ pattern: "chat/*" }], () => ({ number: ++asked }));

  expect(matcher.settingsOf("chat/1")).toBe(matcher.settingsOf("chat/2"));
  expect(matcher.settingsOf("a")).toBe(matcher.settingsOf("b"));
  expect(asked).toBe(2);
});

test("StreamMatcher answers right for more names than it remembers", () => {
  const matcher = new StreamMatcher([{ pattern: "*7" }], patternOf);

  for (let n = 0; n < 25_000; n += 1) {
    expect(matcher.settingsOf(`s${n}`)).toBe(n % 10 === 7 ? "*7" : "none");
  }
  expect(matcher.settingsOf("s7")).toBe("*7");
});

test("StreamMatcher needs no more than a moment for a pattern and a name made to be slow", () => {
  const matcher = new StreamMatcher([{ pattern: `${"a*".repeat(50)}b` }], patternOf);
  const startMs = performance.now();

  expect(matcher.settingsOf("a".repeat(60_000))).toBe("none");

  expect(performance.now() - startMs).toBeLessThan(200);
});
