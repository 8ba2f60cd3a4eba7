import { expect, test } from "bun:test";
import { CLOSES } from "../../../src/messages/close.ts";
import { NodeRoom, settled } from "../../support/node-room.ts";
import { succeeding } from "../../support/scripted-controller.ts";

const CHAT = '{"channel":"Chat"}';
const PERFORM = { command: "message", identifier: CHAT, data: '{"action":"tick"}' };

test("Session reads no further from a client that is ahead of its commands, and loses none of them", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  await client.subscribe(CHAT);
  const stall = Promise.withResolvers<void>();
  room.controller.onPerform = async () => {
    await stall.promise;
    return succeeding({});
  };
  const data = "x".repeat(60_000);

  for (let i = 0; i < 50; i++) client.receiver.receive(JSON.stringify({ ...PERFORM, data }));
  expect(client.connection.isPaused).toBe(true);
  stall.resolve();
  await settled();

  expect(room.controller.called("perform")).toHaveLength(50);
  expect(client.connection.isPaused).toBe(false);
  expect(client.connection.closes).toEqual([]);
});

test("Session serves others before it goes on with a client that has much to do, and keeps the order", async () => {
  const room = new NodeRoom();
  const [busy, other] = [await room.connect(), await room.connect()];
  for (const client of [busy, other]) await client.subscribe(CHAT);
  const done: string[] = [];
  room.controller.onPerform = () => {
    done.push(room.controller.called("perform").at(-1)?.data ?? "");
    // Half of what one client may take of a turn.
    room.clock.advance(2);
    return succeeding({});
  };

  for (let i = 0; i < 10; i++) {
    busy.receiver.receive(JSON.stringify({ ...PERFORM, data: `${i}` }));
  }
  setImmediate(() => other.receiver.receive(JSON.stringify({ ...PERFORM, data: "other" })));
  while (done.length < 11) await settled();

  expect(done.filter((data) => data !== "other")).toEqual([..."0123456789"]);
  expect(done.indexOf("other")).toBeLessThan(9);
});

test("Session cuts nobody for an answer to a ping that waits in front of a paused connection", async () => {
  const room = new NodeRoom({ pongTimeoutMs: 500 });
  room.node.start();
  const client = await room.connect({ pingIntervalMs: 1000, isExtended: true });
  await client.subscribe(CHAT);
  const stall = Promise.withResolvers<void>();
  room.controller.onPerform = async () => {
    await stall.promise;
    return succeeding({});
  };
  for (let i = 0; i < 2000; i++) client.receiver.receive(JSON.stringify(PERFORM));

  room.clock.advance(10_000);
  expect(client.connection.closes).toEqual([]);
  stall.resolve();
  while (room.controller.called("perform").length < 2000) await settled();
  room.clock.advance(10_000);
  await settled();

  expect(client.connection.closes).toEqual([CLOSES.noPong]);
});

test("Session cuts a client whose commands, unpacked, go far beyond what was read, and only that one", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  const other = await room.connect();
  await client.subscribe(CHAT);
  room.controller.onPerform = () => new Promise(() => undefined);

  const frame = JSON.stringify({ ...PERFORM, data: "x".repeat(60_000) });
  for (let i = 0; i < 300; i++) client.receiver.receive(frame);
  await settled();

  expect(client.connection.closes).toEqual([CLOSES.flooding]);
  expect(other.connection.closes).toEqual([]);
  expect(room.log.messages("warn")).toEqual([
    "client sends faster than its commands are processed, disconnecting",
  ]);
});

test("Session serves others before it does the next of many commands that wait for nothing", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  const ping = '{"command":"ping"}';

  client.receiver.receive(ping);
  room.clock.advance(4);
  for (let i = 0; i < 3; i++) client.receiver.receive(ping);
  expect(room.metrics.value("client_msg_total")).toBe(1);
  await settled();

  expect(room.metrics.value("client_msg_total")).toBe(4);
});
