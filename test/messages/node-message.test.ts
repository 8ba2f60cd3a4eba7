import { expect, test } from "bun:test";
import { parseBroadcast } from "../../src/messages/broadcast.ts";
import { encodeNodeCommand, encodeNodePublication } from "../../src/messages/node-message.ts";
import { meta, publication } from "../support/publications.ts";

test("encodeNodePublication leaves out what is empty", () => {
  expect(encodeNodePublication(publication("chat/1", '{"a":1}'))).toBe(
    '{"stream":"chat/1","data":"{\\"a\\":1}"}',
  );
  expect(
    encodeNodePublication(
      publication("s", "1", {
        meta: meta({ excludeSocket: "s1", transient: true }),
        offset: 42,
        epoch: "E",
      }),
    ),
  ).toBe(
    '{"stream":"s","data":"1","meta":{"exclude_socket":"s1","transient":true},"offset":42,"epoch":"E"}',
  );
});

test("encodeNodePublication writes what parseBroadcast reads back, whatever the names", () => {
  const all = publication('"\n__proto__', '"}{', {
    meta: meta({ excludeSocket: '"', broadcastType: "presence" }),
    offset: 1,
    epoch: "\u2028",
  });

  expect(parseBroadcast(encodeNodePublication(all))).toEqual({
    kind: "publication",
    publication: all,
  });
});

test("encodeNodeCommand writes what parseBroadcast reads back", () => {
  const command = { command: "disconnect", payload: { identifier: "me", reconnect: true } };

  expect(parseBroadcast(encodeNodeCommand(command))).toEqual({ kind: "command", command });
});
