import { expect, test } from "bun:test";
import { sessionParams } from "../../src/transports/session-params.ts";

const NONE = {
  pingIntervalMs: undefined,
  pingPrecision: undefined,
  restoreSid: "",
  badPingInterval: null,
};
const read = (target: string, headers: Record<string, string> = {}) =>
  sessionParams(target, new Headers(headers));

test("sessionParams finds nothing where nothing is asked for", () => {
  expect(read("/cable")).toEqual(NONE);
  expect(read("/cable?")).toEqual(NONE);
  expect(read("/cable?x=1&PI=3")).toEqual(NONE);
});

test("sessionParams reads ping interval, precision and the session to restore", () => {
  expect(read("/cable?pi=5&ptp=ms&sid=abc")).toEqual({
    pingIntervalMs: 5000,
    pingPrecision: "ms",
    restoreSid: "abc",
    badPingInterval: null,
  });
});

test("sessionParams lets the last of repeated parameters win", () => {
  expect(read("/cable?pi=5&sid=a&pi=7&sid=b")).toMatchObject({
    pingIntervalMs: 7000,
    restoreSid: "b",
  });
});

test("sessionParams takes signs and zero, and reports what is no integer", () => {
  expect(read("/?pi=0").pingIntervalMs).toBe(0);
  expect(read("/?pi=-1").pingIntervalMs).toBe(-1000);
  expect(read("/?pi=%2B3").pingIntervalMs).toBe(3000);
  for (const bad of ["x", "", "1.5", "1e3", "99999999999999999999"]) {
    expect(read(`/?pi=${bad}`)).toEqual({ ...NONE, badPingInterval: bad });
  }
});

test("sessionParams takes an unknown precision for seconds", () => {
  expect(read("/?ptp=us").pingPrecision).toBe("s");
  expect(read("/?ptp=ns").pingPrecision).toBe("ns");
});

test("sessionParams prefers the header for the session to restore; an empty value is none", () => {
  expect(read("/?sid=query", { "x-AnyCable-Restore-Sid": "header" }).restoreSid).toBe("header");
  expect(read("/", { "X-ANYCABLE-RESTORE-SID": "header" }).restoreSid).toBe("header");
  expect(read("/?sid=query", { "x-anycable-restore-sid": "" }).restoreSid).toBe("query");
  expect(read("/?sid=").restoreSid).toBe("");
});

test("sessionParams takes the last of repeated headers", () => {
  const headers = new Headers({ "X-AnyCable-Restore-Sid": "a" });
  headers.append("x-anycable-restore-sid", "b");

  expect(sessionParams("/cable?sid=query", headers).restoreSid).toBe("b");
});
