import { expect, test } from "bun:test";
import type { RawHandler } from "../../../support/grpc-backend-raw.ts";
import { framed, outcome, SUCCESS, someCall, Wire } from "./wire.ts";

const OK_HEADERS = { ":status": "200", "content-type": "application/grpc" };

test("An answer in single bytes is whole", async () => {
  using wire = new Wire();
  const { port } = await wire.peer((connection, id) => {
    connection.headers(id, OK_HEADERS);
    for (const byte of framed(SUCCESS)) connection.data(id, Uint8Array.of(byte));
    connection.headers(id, { "grpc-status": "0" }, true);
  });
  const { connection } = await wire.open(port);
  const exchange = someCall();

  connection.send(exchange);

  expect(await outcome(exchange)).toBe("0801");
});

test.each<[string, RawHandler, number, string]>([
  [
    "a status in the first headers",
    (connection, id) =>
      connection.headers(
        id,
        { ...OK_HEADERS, "grpc-status": "16", "grpc-message": "no%20way%20%C3%A9" },
        true,
      ),
    16,
    "no way é",
  ],
  [
    "a broken grpc-message",
    (connection, id) =>
      connection.headers(id, { ...OK_HEADERS, "grpc-status": "5", "grpc-message": "100%" }, true),
    5,
    "100%",
  ],
  [
    "an unknown grpc-status",
    (connection, id) => connection.headers(id, { ...OK_HEADERS, "grpc-status": "99" }, true),
    2,
    "",
  ],
  [
    "success without a message",
    (connection, id) => connection.headers(id, { ...OK_HEADERS, "grpc-status": "0" }, true),
    13,
    "no message in the answer",
  ],
  [
    "success with half a message",
    (connection, id) => {
      connection.headers(id, OK_HEADERS);
      connection.data(id, Buffer.from("000000000508", "hex"));
      connection.headers(id, { "grpc-status": "0" }, true);
    },
    13,
    "the answer ends inside a message",
  ],
  [
    "two messages",
    (connection, id) => {
      connection.headers(id, OK_HEADERS);
      connection.data(id, Buffer.from("0000000002080100000000020801", "hex"));
      connection.headers(id, { "grpc-status": "0" }, true);
    },
    13,
    "more than one message in the answer",
  ],
  [
    "a compressed message",
    (connection, id) => {
      connection.headers(id, OK_HEADERS);
      connection.data(id, Buffer.from("01000000020801", "hex"));
    },
    13,
    "compressed message in the answer",
  ],
  [
    "a message over the limit",
    (connection, id) => {
      connection.headers(id, OK_HEADERS);
      connection.data(id, Buffer.from("00000003e9", "hex"));
    },
    8,
    "grpc: received message larger than max (1001 vs. 1000)",
  ],
  [
    "a proxy's error page",
    (connection, id) => {
      connection.headers(id, { ":status": "503", "content-type": "text/html" });
      connection.data(id, Buffer.from("<html>busy</html>"));
      connection.headers(id, { "x-end": "1" }, true);
    },
    14,
    'unexpected HTTP status code received from server: 503, content-type "text/html"',
  ],
])("%s is told apart", async (_, handler, code, text) => {
  using wire = new Wire();
  const { port } = await wire.peer(handler);
  const { connection } = await wire.open(port);
  const exchange = someCall();

  connection.send(exchange);

  expect(await outcome(exchange)).toEqual([code, text]);
});

test.each([
  ["400", 13],
  ["401", 16],
  ["403", 7],
  ["404", 12],
  ["418", 2],
  ["429", 14],
  ["500", 2],
  ["502", 14],
  ["504", 14],
])("HTTP status %s without gRPC status is gRPC code %i", async (status, code) => {
  using wire = new Wire();
  const { port } = await wire.peer((connection, id) =>
    connection.headers(id, { ":status": status, "content-type": "text/plain" }, true),
  );
  const { connection } = await wire.open(port);
  const exchange = someCall();

  connection.send(exchange);

  expect((await outcome(exchange)) as unknown[]).toMatchObject({ 0: code });
});

test.each([
  [300, 1],
  [20, 10_000],
])("An answer with %i headers of %i bytes is taken", async (count, bytes) => {
  using wire = new Wire();
  const { port } = await wire.peer((connection, id) => {
    const many = Object.fromEntries(
      Array.from({ length: count }, (_, n) => [`x-${n}`, "1".repeat(bytes)]),
    );
    connection.headers(id, { ...OK_HEADERS, ...many });
    connection.data(id, framed(SUCCESS));
    connection.headers(id, { "grpc-status": "0" }, true);
  });
  const { connection } = await wire.open(port);
  const exchange = someCall();

  connection.send(exchange);

  expect(await outcome(exchange)).toBe("0801");
});
