import { expect, test } from "bun:test";
import {
  configuredSubject,
  natsSubject,
  subjectMatcher,
} from "../../../src/clients/nats/subject.ts";
import { codeOf } from "../../support/nats-server.ts";

test("natsSubject leaves names alone that are subjects, so that nodes of the reference hear them", () => {
  for (const name of [
    "chat/42",
    "a.b.c",
    "Z2lkOi8v--5f%2F",
    "ключ✓",
    "100%",
    "__anycable__",
    "a*b",
  ]) {
    expect(natsSubject(name)).toBe(name);
  }
});

test("natsSubject encodes what would end a line of the protocol or join a queue group", () => {
  expect(natsSubject("a\r\nPUB x 1\r\ny")).toBe("a%0D%0APUB%20x%201%0D%0Ay");
  expect(natsSubject("a b")).toBe("a%20b");
  expect(natsSubject("tab\tx\0\x7f\x85")).toBe("tab%09x%00%7F%85");
});

test("natsSubject encodes wildcards and empty tokens", () => {
  const expected = {
    ">": "%3E",
    "*": "%2A",
    "a.*.b.>": "a.%2A.b.%3E",
    "a..b": "a.%2Eb",
    ".x": "%2Ex",
    "x.": "x%2E",
    "..": "%2E%2E",
  };
  for (const [name, subject] of Object.entries(expected)) expect(natsSubject(name)).toBe(subject);
});

test("natsSubject keeps applications away from the server's own subjects and from what the broker stores", () => {
  expect(natsSubject("$JS.API.STREAM.DELETE.KV__anycable_")).toStartWith("%24JS.");
  expect(natsSubject("$KV._anycable_.sid")).toStartWith("%24KV.");
  expect(natsSubject("_INBOX.abc")).toBe("%5FINBOX.abc");
  expect(natsSubject("_ac_room")).toBe("%5Fac_room");
  expect(natsSubject("_ac64_cm9vbQ")).toBe("%5Fac64_cm9vbQ");
  expect(natsSubject("_anycable_presence_.alive")).toBe("%5Fanycable_presence_.alive");
});

test("natsSubject gives different names different subjects", () => {
  const names = [
    "a b",
    "a%20b",
    "a%2520b",
    "a..b",
    "a.%2Eb",
    "a.%252Eb",
    "$x",
    "%24x",
    "% ",
    "%%20",
  ];

  expect(new Set(names.map(natsSubject)).size).toBe(names.length);
});

test("natsSubject refuses the empty name and names over 1024 bytes", async () => {
  expect(natsSubject("x".repeat(1024))).toHaveLength(1024);
  expect(await codeOf(() => natsSubject("x".repeat(1025)))).toBe("invalid_subject");
  expect(await codeOf(() => natsSubject("x".repeat(5000)))).toBe("invalid_subject");
  expect(await codeOf(() => natsSubject(" ".repeat(400)))).toBe("invalid_subject");
  expect(await codeOf(() => natsSubject(""))).toBe("invalid_subject");
});

test("configuredSubject takes an operator's subject as it is and refuses what breaks the protocol", async () => {
  expect(configuredSubject("nats_channel", "app.*.events.>")).toBe("app.*.events.>");
  for (const bad of ["", "a b", "a\r\nb", "a..b", ".a", "a."]) {
    expect(await codeOf(() => configuredSubject("nats_channel", bad))).toBe("invalid_subject");
  }
});

test("subjectMatcher knows what a subscription hears", () => {
  const [one, all, plain] = ["app.*.events", "app.>", "a+b"].map(subjectMatcher);

  expect(["app.x.events", "app.x.y.events", "app.events"].map((name) => one?.(name))).toEqual([
    true,
    false,
    false,
  ]);
  expect(["app.x", "app.x.y", "app", "apps.x"].map((name) => all?.(name))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(["a+b", "aab"].map((name) => plain?.(name))).toEqual([true, false]);
});
