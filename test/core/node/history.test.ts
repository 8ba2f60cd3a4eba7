import { expect, test } from "bun:test";
import { Replays } from "../../../src/core/node/replays.ts";
import { jsonEncoder } from "../../../src/protocols/actioncable/json-encoder.ts";
import { type NodeClient, NodeRoom } from "../../support/node-room.ts";
import { meta, publication } from "../../support/publications.ts";
import { confirming } from "../../support/scripted-controller.ts";

const CHAT = '{"channel":"Chat"}';
const CONFIRMED = { type: "confirm_subscription", identifier: CHAT };
const kept = (stream: string, offset: number) =>
  publication(stream, String(offset), { epoch: "E", offset });
const shown = (stream: string, offset: number) => ({
  identifier: CHAT,
  message: offset,
  stream_id: stream,
  epoch: "E",
  offset,
});

async function subscribed(...streams: readonly string[]): Promise<[NodeRoom, NodeClient]> {
  const room = new NodeRoom();
  room.controller.onSubscribe = (_client, identifier) => confirming(identifier, { streams });
  const client = await room.connect();
  await client.subscribe(CHAT);
  return [room, client];
}

test("Node replays all streams of a subscription in order, then confirms", async () => {
  const [room, client] = await subscribed("s", "t");
  room.broker.histories.set("s", { ok: true, publications: [kept("s", 3), kept("s", 4)] });
  room.broker.histories.set("t", { ok: true, publications: [kept("t", 1)] });

  await client.send({ command: "history", identifier: CHAT, history: { since: 1700000000 } });

  expect(client.received.slice(2)).toEqual([
    shown("s", 3),
    shown("s", 4),
    shown("t", 1),
    { type: "confirm_history", identifier: CHAT },
  ]);
});

test("Node sends nothing but the rejection when one stream cannot be replayed", async () => {
  const [room, client] = await subscribed("s", "t");
  room.broker.histories.set("s", { ok: true, publications: [kept("s", 3)] });
  room.broker.histories.set("t", { ok: false, reason: "epoch is E, not X" });
  const streams = { s: { epoch: "E", offset: 2 }, t: { epoch: "X", offset: 1 } };

  await client.send({ command: "history", identifier: CHAT, history: { streams } });

  expect(client.received.slice(2)).toEqual([{ type: "reject_history", identifier: CHAT }]);
  expect(room.metrics.value("failed_client_msg_total")).toBe(1);
});

test("Node answers no history to a subscribe whose time is not above 0 [7.4]", async () => {
  const room = new NodeRoom();
  const client = await room.connect();

  await client.send({ command: "subscribe", identifier: CHAT, history: { since: -5 } });

  expect(client.received.slice(1)).toEqual([CONFIRMED]);
});

test("Node leaves streams out that the client names no position for, without a time", async () => {
  const [room, client] = await subscribed("s", "t");
  room.broker.histories.set("s", { ok: true, publications: [kept("s", 3)] });
  room.broker.histories.set("t", { ok: false, reason: "never asked" });

  await client.send({
    command: "history",
    identifier: CHAT,
    history: { streams: { s: { epoch: "E", offset: 2 } } },
  });

  expect(client.received.slice(2)).toEqual([
    shown("s", 3),
    { type: "confirm_history", identifier: CHAT },
  ]);
});

test("Node confirms an empty set of positions and an unknown stream since a time", async () => {
  const [, client] = await subscribed("s");

  await client.send({ command: "history", identifier: CHAT, history: { streams: {} } });
  await client.send({ command: "history", identifier: CHAT, history: { since: 1 } });

  expect(client.received.slice(2)).toEqual([
    { type: "confirm_history", identifier: CHAT },
    { type: "confirm_history", identifier: CHAT },
  ]);
});

test("Node answers nothing to a history command without a request or a subscription", async () => {
  const [room, client] = await subscribed("s");

  await client.send({ command: "history", identifier: CHAT });
  await client.send({ command: "history", identifier: CHAT, history: {} });
  await client.send({ command: "history", identifier: "unknown", history: { since: 1 } });

  expect(client.received).toHaveLength(2);
  expect(room.metrics.value("failed_client_msg_total")).toBe(3);
});

test("Node serves the history asked for with a subscribe after its confirmation; a failure only warns", async () => {
  const room = new NodeRoom();
  room.controller.onSubscribe = (_client, identifier) => confirming(identifier, { streams: ["s"] });
  const client = await room.connect();
  room.broker.histories.set("s", { ok: false, reason: "no history" });

  await client.send({ command: "subscribe", identifier: CHAT, history: { since: 5 } });

  expect(client.received.slice(1)).toEqual([
    CONFIRMED,
    { type: "reject_history", identifier: CHAT },
  ]);
  expect(room.log.messages("warn")).toEqual(["couldn't retrieve history"]);
  expect(room.metrics.value("failed_client_msg_total")).toBe(0);
});

test("Node rejects history when the broker fails", async () => {
  const [room, client] = await subscribed("s");
  room.broker.historySince = () => Promise.reject(new Error("broker is away"));

  await client.send({ command: "history", identifier: CHAT, history: { since: 1 } });

  expect(client.received.at(-1)).toEqual({ type: "reject_history", identifier: CHAT });
});

test("Node replays a hundred thousand messages", async () => {
  const [room, client] = await subscribed("s");
  const publications = Array.from({ length: 100_000 }, (_, i) => kept("s", i + 1));
  room.broker.histories.set("s", { ok: true, publications });

  await client.send({ command: "history", identifier: CHAT, history: { since: 1 } });

  expect(client.received).toHaveLength(100_003);
  expect(client.connection.closes).toEqual([]);
});

test("Replays encodes a message once for all who ask under one identifier, and without delivery options", () => {
  const replays = new Replays();
  const stored = publication("s", "1", {
    epoch: "E",
    offset: 1,
    meta: meta({ broadcastType: "presence" }),
  });

  const frame = replays.frame(jsonEncoder, CHAT, stored);

  expect(replays.frame(jsonEncoder, CHAT, stored)).toBe(frame);
  expect(replays.frame(jsonEncoder, "other", stored).data).toBe(
    '{"identifier":"other","message":1,"stream_id":"s","epoch":"E","offset":1}',
  );
  expect(JSON.parse(String(replays.frame(jsonEncoder, CHAT, stored).data))).toEqual(shown("s", 1));
});
