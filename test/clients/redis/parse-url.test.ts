import { expect, test } from "bun:test";
import { parseRedisUrl } from "../../../src/clients/redis/parse-url.ts";

test.each([
  ["redis://localhost:6379", "localhost", 6379],
  ["redis.internal", "redis.internal", 6379],
  ["127.0.0.1:6380/", "127.0.0.1", 6380],
  ["redis://:7000", "localhost", 7000],
  ["redis://", "localhost", 6379],
  ["valkey://h/2", "h", 6379],
  ["REDIS://h:1", "h", 1],
  ["redis://[::1]:6380", "::1", 6380],
  ["redis://my_master", "my_master", 6379],
])("parseRedisUrl reads %s", (text, host, port) => {
  expect(parseRedisUrl(text).addresses).toEqual([{ host, port }]);
});

test("parseRedisUrl reads credentials, database and timeouts", () => {
  const url =
    "rediss://us%40er:p%3Aa:ss@redis.internal:6380/3?dial_timeout=1m30s&write_timeout=500ms";

  expect(parseRedisUrl(`${url}&client_name=me&addr=b:1&addr=c&protocol=2&max_retries=0`)).toEqual({
    host: "redis.internal",
    addresses: [
      { host: "redis.internal", port: 6380 },
      { host: "b", port: 1 },
      { host: "c", port: 6379 },
    ],
    login: { username: "us@er", password: "p:a:ss" },
    isTls: true,
    database: 3,
    dialTimeoutMs: 90_000,
    writeTimeoutMs: 500,
    clientName: "me",
    masterSet: "",
  });
});

test("parseRedisUrl knows TLS by the scheme, in any case", () => {
  const schemes = ["redis", "valkey", "rediss", "valkeys", "REDISS"];

  expect(schemes.map((scheme) => parseRedisUrl(`${scheme}://h`).isTls)).toEqual([
    false,
    false,
    true,
    true,
    true,
  ]);
});

test("parseRedisUrl reads a socket's path with database and login", () => {
  const url = parseRedisUrl("unix://user:pw@/run/redis.sock?db=4");

  expect([url.addresses, url.database, url.login.password]).toEqual([
    [{ path: "/run/redis.sock" }],
    4,
    "pw",
  ]);
});

test.each([
  ["http://127.0.0.1:1", "redis: invalid URL scheme: http"],
  ["redis://h:1/abc", 'redis: invalid database number: "abc"'],
  ["redis://h:1/-1", 'redis: invalid database number: "-1"'],
  ["redis://h?db=x", 'redis: invalid database number: "x"'],
  ["redis://h:1/1/2", "redis: invalid URL path: /1/2"],
  ["redis://h:x", 'redis: invalid port: "x"'],
  ["redis://h :1", 'redis: invalid host: "h "'],
  ["unix://", "redis: invalid URL: no path of a socket"],
  ["redis://h:70000", 'redis: invalid port: "70000"'],
  ["redis://h?dial_timeout=5", 'redis: invalid dial timeout: "5"'],
  ["redis://h?write_timeout=abc", 'redis: invalid write timeout: "abc"'],
])("parseRedisUrl refuses %s", (text, message) => {
  expect(() => parseRedisUrl(text)).toThrow(
    expect.objectContaining({ code: "redis_url_invalid", message }),
  );
});

test("parseRedisUrl takes an @ where one may stand", () => {
  expect(parseRedisUrl("redis://u:p@ss@h:1/2?client_name=a@b").addresses[0]).toMatchObject({
    host: "h",
  });
  expect(parseRedisUrl("unix:///run/a@b.sock").addresses).toEqual([{ path: "/run/a@b.sock" }]);
});

test("parseRedisUrl does not show credentials when it refuses", () => {
  const plain = ["redis://:s3cret%zz@h", "redis://:s3cret@h:x", "redis://:s3cret@h/a"];
  const unescaped = ["/", "?", "#"].map((mark) => `redis://:s3cret${mark}s3cret@h:1`);
  for (const text of [...plain, ...unescaped, "redis://us/er:s3cret@h"]) {
    let shown = "";
    try {
      parseRedisUrl(text);
    } catch (error) {
      shown = String(error);
    }

    expect(shown).toStartWith("ServerError: redis: invalid");
    expect(shown).not.toContain("s3cret");
  }
});
