import { expect, test } from "bun:test";
import { CLOSES } from "../../../src/messages/close.ts";
import { NodeClient, NodeRoom, settled } from "../../support/node-room.ts";

const RESTART = { type: "disconnect", reason: "server_restart", reconnect: true };

test("Node tells every session of the restart, then closes with 1001", async () => {
  const room = new NodeRoom();
  const clients = [await room.connect(), await room.connect()];

  await room.shutDown();

  for (const client of clients) {
    expect(client.received.at(-1)).toEqual(RESTART);
    expect(client.connection.closes).toEqual([CLOSES.restart]);
  }
  expect(room.log.messages("info")).toEqual([
    "closing active connections",
    "all active connections closed",
  ]);
});

test("Node sends what is queued before the news of the restart [Q24]", async () => {
  const room = new NodeRoom({ writeTimeoutMs: 20_000, maxPendingBytes: 0 });
  const client = await room.connect();
  client.connection.isStuck = true;
  await client.send({ command: "ping" });
  for (let i = 0; i < 3; i++) await client.send({ command: "nope" });
  await client.send({ command: "ping" });

  const stopped = room.shutDown(30_000);
  await settled();
  expect(client.connection.closes).toEqual([]);
  client.connection.isStuck = false;
  client.connection.held = 0;
  client.receiver.drained();
  await stopped;

  expect(client.received.slice(1)).toEqual([{ type: "pong" }, { type: "pong" }, RESTART]);
  expect(client.connection.closes).toEqual([CLOSES.restart]);
});

test("Node cuts sessions that take nothing until the deadline, and says how many", async () => {
  const room = new NodeRoom({ writeTimeoutMs: 0 });
  const client = await room.connect();
  client.connection.isStuck = true;
  await client.send({ command: "ping" });

  await room.shutDown(3000);

  expect(client.connection.closes).toEqual([CLOSES.writeFailed]);
  expect(room.log.records.at(-1)).toMatchObject({
    level: "warn",
    message: "terminated while disconnecting active sessions",
    attributes: { num: 1 },
  });
});

test("Node cuts clients that are not let in yet, without a word and without a Disconnect call", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = (_client, _identifier, signal) =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve({ status: "canceled" }));
    });
  const client = new NodeClient(room.node, { sid: "s1" });

  await room.shutDown();

  expect(client.connection.sent).toEqual([]);
  expect(client.connection.closes).toEqual([CLOSES.writeFailed]);
  expect(room.controller.called("disconnect")).toEqual([]);
});

test("Node makes the Disconnect calls of all sessions, and those that waited for their turn", async () => {
  const room = new NodeRoom({ disconnectRate: 1, disconnectMode: "always" });
  const clients = await Promise.all([1, 2, 3, 4, 5, 6].map(() => room.connect()));
  for (const client of clients.slice(0, 3)) await client.leave();

  await room.shutDown(3000);

  expect(room.controller.called("disconnect")).toHaveLength(6);
  expect(room.log.messages("warn")).toEqual([]);
  expect(room.log.messages("info")).toEqual([
    "closing active connections",
    "all active connections closed",
    "invoking remaining disconnects",
    "disconnected sessions",
  ]);
});

test("Node does not let a Disconnect call without an answer outlast the deadline", async () => {
  const room = new NodeRoom({ disconnectRate: 1 });
  room.controller.onDisconnect = () => new Promise(() => undefined);
  const [first, second] = [await room.connect(), await room.connect()];
  await first.leave();
  await second.leave();

  await room.shutDown(3000);

  expect(room.log.messages("warn")).toContain("failed to shutdown disconnector gracefully");
});

test("Node releases all streams and leaves no timer behind", async () => {
  const room = new NodeRoom();
  room.node.start();
  const client = await room.connect({ pingIntervalMs: 1000, isExtended: true });
  await client.subscribe("x");

  await room.shutDown();

  expect([...room.broker.held]).toEqual([]);
  expect(room.clock.pending).toBe(0);
});

test("Node that drains slowly sends sessions away one by one, at most 500 ms apart", async () => {
  const room = new NodeRoom({ slowDrain: true });
  const clients = await Promise.all(Array.from({ length: 10 }, () => room.connect()));
  const closed = (): number =>
    clients.filter(({ connection }) => connection.closes.length > 0).length;

  const stopped = room.node.shutDown({ signal: new AbortController().signal, leftMs: 30_000 });
  const seen: number[] = [];
  for (let i = 0; i < 10; i++) {
    await settled();
    seen.push(closed());
    await room.clock.advanceAsync(500);
  }
  await stopped;

  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(room.log.messages("info")).toContain("Draining 10 active connections slowly for 25.0s");
});

test("Node that drains slowly takes five sixths of its time for a crowd", async () => {
  const room = new NodeRoom({ slowDrain: true });
  const clients = await Promise.all(Array.from({ length: 100 }, () => room.connect()));
  const open = (): number =>
    clients.filter(({ connection }) => connection.closes.length === 0).length;

  const stopped = room.node.shutDown({ signal: new AbortController().signal, leftMs: 6000 });
  await room.clock.advanceAsync(2500);
  expect(open()).toBeGreaterThan(40);
  expect(open()).toBeLessThan(60);
  await room.clock.advanceAsync(3000);
  await stopped;

  expect(open()).toBe(0);
});

test("Node that drains slowly sends everybody away at once when the operator is out of patience", async () => {
  const room = new NodeRoom({ slowDrain: true });
  const clients = await Promise.all([1, 2, 3].map(() => room.connect()));
  const patience = new AbortController();
  const stopped = room.node.shutDown({ signal: patience.signal, leftMs: 30_000 });
  await settled();

  patience.abort();
  await stopped;

  expect(clients.map(({ connection }) => connection.closes.length)).toEqual([1, 1, 1]);
});
