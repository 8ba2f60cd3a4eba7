import { expect, test } from "bun:test";
import type { Decoded } from "../../../src/messages/command.ts";
import { jsonEncoder } from "../../../src/protocols/actioncable/json-encoder.ts";

const CHAT = '{"channel":"Chat"}';

/** What a frame of this value says. */
const decode = (value: unknown): Decoded => jsonEncoder.decode(JSON.stringify(value));
const isMalformed = (value: unknown): boolean => decode(value).command === "malformed";

test("decode reads a subscribe with history and presence", () => {
  const decoded = jsonEncoder.decode(
    '{"command":"subscribe","identifier":"{\\"channel\\":\\"Chat\\"}",' +
      '"history":{"since":1700000000,"streams":{"s":{"epoch":"E","offset":7}}},' +
      '"presence":{"type":"join","id":"42","info":{"name":"V"}}}',
  );

  expect(decoded).toEqual({
    command: "subscribe",
    identifier: CHAT,
    history: { since: 1700000000, streams: new Map([["s", { epoch: "E", offset: 7 }]]) },
    presence: { id: "42", info: '{"name":"V"}' },
  });
});

test("decode reads every command with what belongs to it", () => {
  const identifier = CHAT;
  const rest = { history: null, presence: null };

  expect(decode({ command: "subscribe", identifier })).toEqual({
    command: "subscribe",
    identifier,
    ...rest,
  });
  expect(decode({ command: "unsubscribe", identifier })).toEqual({
    command: "unsubscribe",
    identifier,
  });
  expect(decode({ command: "message", identifier, data: "{}" })).toEqual({
    command: "message",
    identifier,
    data: "{}",
  });
  expect(decode({ command: "whisper", identifier, data: { a: [1] } })).toEqual({
    command: "whisper",
    identifier,
    data: { a: [1] },
  });
  expect(decode({ command: "history", identifier, history: {} })).toEqual({
    command: "history",
    identifier,
    history: { since: 0, streams: null },
  });
  expect(decode({ command: "join", identifier, presence: {} })).toEqual({
    command: "join",
    identifier,
    presence: { id: "", info: "" },
  });
  expect(decode({ command: "leave", identifier })).toEqual({ command: "leave", identifier });
  expect(decode({ command: "presence", identifier })).toMatchObject({
    command: "presence",
    identifier,
  });
  expect(decode({ command: "ping" })).toEqual({ command: "ping" });
  expect(decode({ command: "pong" })).toEqual({ command: "pong" });
});

test("decode gives commands it does not know a name, also the missing one", () => {
  expect(decode({ command: "nope" })).toEqual({ command: "unknown", name: "nope" });
  expect(decode({})).toEqual({ command: "unknown", name: "" });
  expect(decode({ command: null, identifier: null })).toEqual({ command: "unknown", name: "" });
});

test("decode ignores null and unknown keys, and counts null fields as absent", () => {
  expect(jsonEncoder.decode("null")).toEqual({ command: "ignored" });
  expect(jsonEncoder.decode(" null ")).toEqual({ command: "ignored" });
  expect(decode({ command: "ping", x: { y: 1 } })).toEqual({ command: "ping" });
  expect(decode({ command: "join", history: null, presence: null })).toMatchObject({
    presence: null,
  });
});

test("decode lets the last of repeated keys win", () => {
  expect(jsonEncoder.decode('{"command":"ping","command":"pong"}')).toEqual({ command: "pong" });
});

test("decode refuses wrongly typed fields, whole", () => {
  const wrong: readonly unknown[] = [
    { command: 1 },
    { command: "ping", identifier: {} },
    { command: "history", history: [] },
    { command: "history", history: { since: 1.5 } },
    { command: "history", history: { since: "1" } },
    { command: "history", history: { streams: [] } },
    { command: "history", history: { streams: { s: 1 } } },
    { command: "history", history: { streams: { s: { epoch: 1 } } } },
    { command: "history", history: { streams: { s: { offset: -1 } } } },
    { command: "history", history: { streams: { s: { offset: 0.5 } } } },
    { command: "join", presence: "me" },
    { command: "join", presence: { id: {} } },
    { command: "join", presence: { type: 1 } },
    [],
    [{ command: "ping" }],
    "ping",
    7,
    true,
  ];

  expect(wrong.filter((value) => !isMalformed(value))).toEqual([]);
});

test("decode refuses what is no JSON, cut off, or nested without end", () => {
  const frames = [
    "",
    " ",
    "not json",
    '{"command":"ping"',
    '{"command":"ping"} x',
    "{'command':1}",
  ];

  for (const frame of [...frames, "[".repeat(60_000), '{"a":'.repeat(10_000)]) {
    expect(jsonEncoder.decode(frame).command).toBe("malformed");
  }
});

test("decode reads bytes as UTF-8, whatever bytes they are", () => {
  expect(jsonEncoder.decode(Buffer.from('{"command":"whisper","data":"é☃"}'))).toMatchObject({
    data: "é☃",
  });
  expect(jsonEncoder.decode(Uint8Array.of(0xff, 0xfe, 0))).toMatchObject({ command: "malformed" });
  expect(jsonEncoder.decode(new Uint8Array(0))).toMatchObject({ command: "malformed" });
});

test("decode turns a numeric presence id into text [Q15]", () => {
  expect(decode({ command: "join", presence: { id: 42 } })).toMatchObject({
    presence: { id: "42" },
  });
});

test("decode takes names of object members for names like any other", () => {
  const decoded = jsonEncoder.decode(
    '{"command":"history","history":{"streams":{"__proto__":{"epoch":"E","offset":1},"constructor":null}}}',
  );

  expect(decoded).toMatchObject({
    history: {
      streams: new Map([
        ["__proto__", { epoch: "E", offset: 1 }],
        ["constructor", { epoch: "", offset: 0 }],
      ]),
    },
  });
  expect(jsonEncoder.decode('{"__proto__":{"command":"ping"}}')).toEqual({
    command: "unknown",
    name: "",
  });
});
