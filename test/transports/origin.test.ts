import { expect, test } from "bun:test";
import { compileOrigins } from "../../src/transports/origin.ts";

test("compileOrigins with an empty list lets everybody in, also without an origin", () => {
  const isAllowed = compileOrigins([]);

  expect([isAllowed(null), isAllowed("https://evil.example"), isAllowed("null")]).toEqual([
    true,
    true,
    true,
  ]);
});

test("compileOrigins compares host and port without regard to case", () => {
  const isAllowed = compileOrigins(["Example.com", "other.io:8080"]);

  expect(isAllowed("https://example.COM")).toBe(true);
  expect(isAllowed("http://example.com/path")).toBe(true);
  expect(isAllowed("https://other.io:8080")).toBe(true);
  expect(isAllowed("https://other.io")).toBe(false);
  expect(isAllowed("https://example.com:443")).toBe(false);
  expect(isAllowed("https://sub.example.com")).toBe(false);
});

test("compileOrigins lets an entry with a star stand for any beginning", () => {
  const isAllowed = compileOrigins(["*.a.io", "*b.io"]);

  expect(isAllowed("https://x.a.io")).toBe(true);
  expect(isAllowed("https://a.io")).toBe(false);
  expect(isAllowed("https://badb.io")).toBe(true);
  expect(isAllowed(null)).toBe(false);
});

test("compileOrigins takes a lone star for everybody and an empty entry for nobody [Q10]", () => {
  expect(compileOrigins(["*"])(null)).toBe(true);
  expect(compileOrigins([""])(null)).toBe(false);
  expect(compileOrigins([""])("https://")).toBe(false);
});

test("compileOrigins is not fooled by user names or by text that is no URL", () => {
  const isAllowed = compileOrigins(["a.io"]);

  expect(isAllowed("https://a.io@evil.io")).toBe(false);
  expect(isAllowed("https://evil.io/a.io")).toBe(false);
  expect(isAllowed("https://evil.io#a.io")).toBe(false);
  expect(isAllowed("a.io")).toBe(false);
  expect(isAllowed("null")).toBe(false);
});

test("compileOrigins takes an origin with an impossible host or port for none", () => {
  const isAllowed = compileOrigins(["*.a.io", "[::1]:3000"]);

  for (const bad of [
    "https://evil.com\\.a.io",
    "https://evil.com:x.a.io",
    "http://[::1].a.io",
    "https://evil.com%.a.io",
    "https://evil.com .a.io",
  ]) {
    expect([bad, isAllowed(bad)]).toEqual([bad, false]);
  }
  expect(isAllowed("https://under_score.a.io")).toBe(true);
  expect(isAllowed("http://[::1]:3000")).toBe(true);
});
