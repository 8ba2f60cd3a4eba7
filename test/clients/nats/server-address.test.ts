import { expect, test } from "bun:test";
import {
  describeServers,
  parseServerAddress,
  parseServerAddresses,
} from "../../../src/clients/nats/server-address.ts";
import { codeOf } from "../../support/nats-server.ts";

test("parseServerAddress reads user and password, percent-encoded, and keeps them out of the shown URL", () => {
  expect(parseServerAddress("nats://us%3Aer:p%40ss:w@nats.example:4333")).toEqual({
    hostPort: "nats.example:4333",
    isTls: false,
    user: "us:er",
    password: "p@ss:w",
    token: "",
    url: "nats://nats.example:4333",
  });
});

test("parseServerAddress takes a name without a password as a token", () => {
  expect(parseServerAddress("nats://s3cr3t@h:1")).toMatchObject({ token: "s3cr3t", user: "" });
});

test("parseServerAddress reads tls, a missing port, a missing scheme and IPv6", () => {
  expect(parseServerAddress("TLS://h")).toMatchObject({
    hostPort: "h:4222",
    isTls: true,
    url: "tls://h",
  });
  expect(parseServerAddress(" h:99 ")).toMatchObject({ hostPort: "h:99", isTls: false });
  expect(parseServerAddress("nats://[::1]:4222/")).toMatchObject({ hostPort: "[::1]:4222" });
});

test("parseServerAddress refuses what it does not understand, without showing credentials", () => {
  for (const text of [
    "",
    "ws://h:1",
    "nats://",
    "nats://h:99999",
    "h:x",
    "a b",
    "nats://u:%zz@h",
  ]) {
    expect(() => parseServerAddress(text)).toThrow("invalid NATS server");
  }
  expect(() => parseServerAddress("ws://joe:secret@h:1")).toThrow('"ws://***@h:1"');
});

test("parseServerAddresses skips blank items, refuses an empty list", async () => {
  expect(describeServers(parseServerAddresses(["nats://a:1", " ", "nats://u:p@b:2"]))).toBe(
    "nats://a:1,nats://b:2",
  );
  expect(await codeOf(() => parseServerAddresses([]))).toBe("invalid_nats_url");
});

test("parseServerAddress connects to this machine when the address is the one a server listens on everywhere", () => {
  expect(parseServerAddress("nats://0.0.0.0:4222")).toMatchObject({
    hostPort: "127.0.0.1:4222",
    url: "nats://0.0.0.0:4222",
  });
  expect(parseServerAddress("nats://[::]:4222")).toMatchObject({ hostPort: "[::1]:4222" });
});
