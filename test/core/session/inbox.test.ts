import { expect, test } from "bun:test";
import { Inbox, type InboxLimits } from "../../../src/core/session/inbox.ts";
import { RecordingConnection } from "../../support/recording-connection.ts";

const LIMITS = { pauseFrames: 4, pauseBytes: 100, maxFrames: 6, maxBytes: 150 };

function createInbox(limits: Partial<InboxLimits> = {}) {
  const connection = new RecordingConnection();
  return { inbox: new Inbox({ ...LIMITS, ...limits }, connection), connection };
}

test("Inbox gives frames back in the order in which they came", () => {
  const { inbox } = createInbox();
  for (const frame of ["a", "b", "c"]) inbox.push(frame);

  expect([inbox.shift(), inbox.shift(), inbox.shift(), inbox.shift()]).toEqual([
    "a",
    "b",
    "c",
    null,
  ]);
});

test("Inbox has the connection read no further once it holds enough frames, until half of them are gone", () => {
  const { inbox, connection } = createInbox();
  for (const frame of ["a", "b", "c"]) inbox.push(frame);
  expect(connection.isPaused).toBe(false);

  inbox.push("d");
  inbox.shift();
  expect([connection.isPaused, inbox.isPaused]).toEqual([true, true]);
  inbox.shift();

  expect([connection.isPaused, inbox.isPaused]).toEqual([false, false]);
});

test("Inbox has the connection read no further once it holds enough bytes, until half of them are gone", () => {
  const { inbox, connection } = createInbox();

  inbox.push("x".repeat(60));
  expect(connection.isPaused).toBe(false);
  inbox.push("y".repeat(45));
  expect(connection.isPaused).toBe(true);
  inbox.shift();

  expect(connection.isPaused).toBe(false);
});

test("Inbox takes what was read before the pause, up to its limit, and has room again after one was taken", () => {
  const { inbox } = createInbox();
  for (const frame of ["a", "b", "c", "d", "e", "f"]) expect(inbox.push(frame)).toBe(true);

  expect(inbox.push("g")).toBe(false);
  inbox.shift();
  expect(inbox.push("g")).toBe(true);
});

test("Inbox takes frames of any size until it holds too many bytes", () => {
  const { inbox } = createInbox();

  expect(inbox.push("x".repeat(149))).toBe(true);
  expect(inbox.push("y".repeat(1000))).toBe(true);
  expect(inbox.push("z")).toBe(false);
});

test("Inbox keeps bytes as they were, though the transport reuses its buffer", () => {
  const { inbox } = createInbox();
  const buffer = Buffer.from("abc");

  inbox.push(buffer);
  buffer.fill(0);

  expect(inbox.shift()).toEqual(Uint8Array.from(Buffer.from("abc")));
});

test("Inbox keeps order and bounds for a client that is never quite caught up with", () => {
  const { inbox } = createInbox();
  const taken: (string | Uint8Array | null)[] = [];

  inbox.push("0");
  for (let i = 1; i < 1000; i++) {
    expect(inbox.push(String(i))).toBe(true);
    taken.push(inbox.shift());
  }

  expect(taken).toEqual(Array.from({ length: 999 }, (_, i) => String(i)));
  expect(inbox.shift()).toBe("999");
});
