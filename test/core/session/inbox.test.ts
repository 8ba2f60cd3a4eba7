import { expect, test } from "bun:test";
import { Inbox } from "../../../src/core/session/inbox.ts";

const LIMITS = { maxFrames: 3, maxBytes: 10 };

test("Inbox gives frames back in the order in which they came", () => {
  const inbox = new Inbox();
  for (const frame of ["a", "b", "c"]) inbox.push(frame, LIMITS);

  expect([inbox.shift(), inbox.shift(), inbox.shift(), inbox.shift()]).toEqual([
    "a",
    "b",
    "c",
    null,
  ]);
});

test("Inbox refuses a frame more than its limit, and has room again after one was taken", () => {
  const inbox = new Inbox();
  for (const frame of ["a", "b", "c"]) inbox.push(frame, LIMITS);

  expect(inbox.push("d", LIMITS)).toBe(false);
  inbox.shift();
  expect(inbox.push("d", LIMITS)).toBe(true);
});

test("Inbox refuses what would exceed its bytes, but takes one frame of any size", () => {
  const inbox = new Inbox();

  expect(inbox.push("x".repeat(50), LIMITS)).toBe(true);
  expect(inbox.push("y", LIMITS)).toBe(false);
});

test("Inbox keeps bytes as they were, though the transport reuses its buffer", () => {
  const inbox = new Inbox();
  const buffer = Buffer.from("abc");

  inbox.push(buffer, LIMITS);
  buffer.fill(0);

  expect(inbox.shift()).toEqual(Uint8Array.from(Buffer.from("abc")));
});

test("Inbox keeps order and bounds for a client that is never quite caught up with", () => {
  const inbox = new Inbox();
  const taken: (string | Uint8Array | null)[] = [];

  inbox.push("0", LIMITS);
  for (let i = 1; i < 1000; i++) {
    expect(inbox.push(String(i), LIMITS)).toBe(true);
    taken.push(inbox.shift());
  }

  expect(taken).toEqual(Array.from({ length: 999 }, (_, i) => String(i)));
  expect(inbox.shift()).toBe("999");
});
