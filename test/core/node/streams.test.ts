import { expect, test } from "bun:test";
import { ServerError } from "../../../src/messages/server-error.ts";
import { NodeRoom, settled } from "../../support/node-room.ts";
import { confirming, succeeding } from "../../support/scripted-controller.ts";

const CHAT = '{"channel":"Chat"}';
const OTHER = '{"channel":"Other"}';
const act = (identifier: string) => ({ command: "message", identifier, data: "{}" });

function withStreams(...streams: readonly string[]): NodeRoom {
  const room = new NodeRoom();
  room.controller.onSubscribe = (_client, identifier) => confirming(identifier, { streams });
  return room;
}

test("Node holds a stream at the broker once per subscription and releases each once", async () => {
  const room = withStreams("s");
  const alice = await room.connect();
  const bob = await room.connect();
  await alice.subscribe(CHAT);
  await alice.subscribe(OTHER);
  await bob.subscribe(CHAT);
  expect([...room.broker.held]).toEqual([["s", 3]]);

  await alice.send({ command: "unsubscribe", identifier: CHAT });
  expect([...room.broker.held]).toEqual([["s", 2]]);
  await alice.leave();
  await bob.leave();

  expect([...room.broker.held]).toEqual([]);
  expect(room.hub.streamCount).toBe(0);
  expect(room.log.messages("error")).toEqual([]);
});

test("Node takes a stream named twice for one", async () => {
  const room = withStreams("s", "s");
  const client = await room.connect();

  await client.subscribe(CHAT);
  expect([...room.broker.held]).toEqual([["s", 1]]);
  await client.leave();

  expect([...room.broker.held]).toEqual([]);
});

test("Node opens streams before it confirms: what is published meanwhile comes first", async () => {
  const room = withStreams("s");
  const client = await room.connect();
  room.broker.onSubscribe = () => {
    void room.broker.publish({ stream: "s", data: "1", meta: null, offset: 0, epoch: "" });
  };

  await client.subscribe(CHAT);

  expect(client.received.slice(1)).toEqual([
    { identifier: CHAT, message: 1 },
    { type: "confirm_subscription", identifier: CHAT },
  ]);
});

test("Node confirms only when publications of all streams reach it", async () => {
  const room = withStreams("s", "t");
  const ready = Promise.withResolvers<void>();
  room.broker.onSubscribe = (stream) => (stream === "t" ? ready.promise : undefined);
  const client = await room.connect();

  await client.subscribe(CHAT);
  expect(client.received).toHaveLength(1);
  ready.resolve();
  await settled();

  expect(client.received.at(-1)).toEqual({ type: "confirm_subscription", identifier: CHAT });
});

test("Node releases streams exactly once when the session ends while they are being opened", async () => {
  const room = withStreams("s", "t");
  const ready = Promise.withResolvers<void>();
  room.broker.onSubscribe = () => ready.promise;
  const client = await room.connect();
  await client.subscribe(CHAT);

  await room.disconnect("user:s1");
  expect([...room.broker.held]).toEqual([]);
  ready.resolve();
  await settled();

  expect([...room.broker.held]).toEqual([]);
  expect(room.hub.streamCount).toBe(0);
  expect(room.log.messages("error")).toEqual([]);
  expect(client.received.at(-1)).toEqual({
    type: "disconnect",
    reason: "remote",
    reconnect: false,
  });
});

test("Node does not release twice when opening fails after the session has ended", async () => {
  const room = withStreams("s");
  const ready = Promise.withResolvers<void>();
  room.broker.onSubscribe = () => ready.promise;
  const client = await room.connect();
  await client.subscribe(CHAT);
  await room.disconnect("user:s1");

  ready.reject(new ServerError("subscribe_failed", "refused"));
  await settled();

  expect([...room.broker.held]).toEqual([]);
  expect(room.log.messages("error")).toEqual([]);
});

test("Node undoes a subscription of which the broker refuses a stream; subscribing again is possible", async () => {
  const room = withStreams("s", "t");
  room.broker.onSubscribe = (stream) => {
    if (stream === "t") throw new ServerError("subscribe_failed", "refused");
  };
  const client = await room.connect();

  await client.subscribe(CHAT);
  expect([...room.broker.held]).toEqual([]);
  expect(room.hub.streamCount).toBe(0);
  expect(room.metrics.value("failed_client_msg_total")).toBe(1);
  room.broker.onSubscribe = () => undefined;
  await client.subscribe(CHAT);

  expect(client.received.slice(1)).toEqual([
    { type: "reject_subscription", identifier: CHAT },
    { type: "confirm_subscription", identifier: CHAT },
  ]);
  expect([...room.broker.held.keys()]).toEqual(["s", "t"]);
});

test("Node keeps what a subscription had when an action's new stream is refused", async () => {
  const room = withStreams("s");
  const client = await room.connect();
  await client.subscribe(CHAT);
  room.controller.onPerform = () => succeeding({ streams: ["t"] });
  room.broker.onSubscribe = () => {
    throw new ServerError("subscribe_failed", "refused");
  };

  await client.send(act(CHAT));

  expect([...room.broker.held.keys()]).toEqual(["s"]);
  expect(room.hub.streamCount).toBe(1);
  await client.leave();
  expect([...room.broker.held]).toEqual([]);
});

test("Node stops one stream of several when an action asks for it", async () => {
  const room = withStreams("a", "b");
  const client = await room.connect();
  await client.subscribe(CHAT);
  room.controller.onPerform = () => succeeding({ stoppedStreams: ["a", "unknown"] });

  await client.send(act(CHAT));
  await room.publish("a", "1");
  await room.publish("b", "2");

  expect(client.received.slice(2)).toEqual([{ identifier: CHAT, message: 2 }]);
  expect([...room.broker.held.keys()]).toEqual(["b"]);
});

test("Node replaces all streams of a subscription when an action stops them and names new ones", async () => {
  const room = withStreams("a", "b");
  const client = await room.connect();
  await client.subscribe(CHAT);
  await client.subscribe(OTHER);
  room.controller.onPerform = () => succeeding({ stopStreams: true, streams: ["b", "c"] });

  await client.send(act(CHAT));

  expect([...room.broker.held].sort()).toEqual([
    ["a", 1],
    ["b", 2],
    ["c", 1],
  ]);
});

test("Node delivers one frame per identifier of a session", async () => {
  const room = withStreams("s");
  const client = await room.connect();
  await client.subscribe(CHAT);
  await client.subscribe(OTHER);

  await room.publish("s", "1");

  expect(client.received.slice(3)).toEqual([
    { identifier: CHAT, message: 1 },
    { identifier: OTHER, message: 1 },
  ]);
});
