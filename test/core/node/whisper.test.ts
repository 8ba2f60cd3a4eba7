import { expect, test } from "bun:test";
import { NodeRoom } from "../../support/node-room.ts";
import { confirming } from "../../support/scripted-controller.ts";

const CHAT = '{"channel":"Chat"}';

function whisperingRoom(): NodeRoom {
  const room = new NodeRoom();
  room.controller.onSubscribe = (_client, identifier) =>
    confirming(identifier, { streams: ["s"], istate: new Map([["$w", "s"]]) });
  return room;
}

test("Node passes a whisper to the others on the stream, not to the sender, and not to history", async () => {
  const room = whisperingRoom();
  const alice = await room.connect({ sid: "a" });
  const bob = await room.connect({ sid: "b" });
  for (const client of [alice, bob]) await client.subscribe(CHAT);
  await alice.subscribe("another");

  await alice.send({ command: "whisper", identifier: CHAT, data: { typing: true } });

  expect(bob.received.slice(2)).toEqual([{ identifier: CHAT, message: { typing: true } }]);
  expect(alice.received).toHaveLength(3);
  expect(room.broker.published.map(({ meta }) => meta)).toEqual([
    { excludeSocket: "a", broadcastType: "", transient: true },
  ]);
});

test("Node whispers the text null when data is missing", async () => {
  const room = whisperingRoom();
  const [alice, bob] = [await room.connect(), await room.connect()];
  for (const client of [alice, bob]) await client.subscribe(CHAT);

  await alice.send({ command: "whisper", identifier: CHAT });

  expect(bob.received.at(-1)).toEqual({ identifier: CHAT, message: "null" });
});

test("Node ignores a whisper without a whisper stream", async () => {
  const room = new NodeRoom();
  const client = await room.connect();

  await client.send({ command: "whisper", identifier: CHAT, data: 1 });

  expect(room.broker.published).toEqual([]);
  expect(room.metrics.value("failed_client_msg_total")).toBe(0);
  expect(room.log.messages("debug")).toContain("whisper stream not found");
});

test("Node reports a whisper that could not be published, and goes on", async () => {
  const room = whisperingRoom();
  const client = await room.connect();
  await client.subscribe(CHAT);
  room.broker.onPublish = () => {
    throw new Error("broker is away");
  };

  await client.send({ command: "whisper", identifier: CHAT, data: 1 });
  await client.send({ command: "ping" });

  expect(room.log.messages("error")).toEqual(["failed to whisper"]);
  expect(client.received.at(-1)).toEqual({ type: "pong" });
});
