import { expect, test } from "bun:test";
import { parseBaseUrl } from "../../../../src/controllers/rpc/http/base-url.ts";

test.each([
  ["http://h:3000", "http://h:3000/connect"],
  ["http://h:3000/", "http://h:3000/connect"],
  ["http://h:3000/_anycable", "http://h:3000/_anycable/connect"],
  ["http://h:3000/_anycable/", "http://h:3000/_anycable/connect"],
  ["https://h/a?key=1", "https://h/a/connect?key=1"],
  ["http://us%40er:pa:ss@h/x", "http://h/x/connect"],
])("%s leads to %s", (host, url) => {
  expect(parseBaseUrl(host).urlOf("connect")).toBe(url);
});

test("The user part of the base is for Basic auth", () => {
  const credentials = Buffer.from("us@er:pa:ss").toString("base64");

  expect(parseBaseUrl("http://us%40er:pa:ss@h/x").basicAuth).toBe(`Basic ${credentials}`);
  expect(parseBaseUrl("http://h/x").basicAuth).toBeNull();
});

test.each(["localhost:3000", "http://[::1", "ftp://h", ""])("%p is no base", (host) => {
  expect(() => parseBaseUrl(host)).toThrow("invalid HTTP RPC base URL");
});

test("A base that is refused is named without its user part", () => {
  expect(() => parseBaseUrl("ftp://us:pass@h/x")).toThrow("invalid HTTP RPC base URL: ftp://h/x (");
});

test("A user part that does not decode is refused, and not shown", () => {
  expect(() => parseBaseUrl("http://u%zz:p@h/x")).toThrow(
    "invalid HTTP RPC base URL: http://h/x (its user part is not percent-encoded UTF-8)",
  );
});
