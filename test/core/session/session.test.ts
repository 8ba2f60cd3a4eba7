import { expect, test } from "bun:test";
import { CLOSES } from "../../../src/messages/close.ts";
import { NodeClient, NodeRoom, settled } from "../../support/node-room.ts";
import { letIn, rejecting, succeeding } from "../../support/scripted-controller.ts";

const CHAT = '{"channel":"Chat"}';
const PERFORM = { command: "message", identifier: CHAT, data: '{"action":"tick"}' };

test("Session runs commands one at a time, in the order of arrival", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  await client.subscribe(CHAT);
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const answers = [first.promise, second.promise];
  room.controller.onPerform = async () => {
    await answers.shift();
    return succeeding({});
  };

  await client.send({ ...PERFORM, data: "1" });
  await client.send({ ...PERFORM, data: "2" });
  expect(room.controller.called("perform").map(({ data }) => data)).toEqual(["1"]);
  first.resolve();
  await settled();

  expect(room.controller.called("perform").map(({ data }) => data)).toEqual(["1", "2"]);
});

test("Session keeps commands that come before it is let in, and runs them afterwards", async () => {
  const room = new NodeRoom();
  const connect = Promise.withResolvers<void>();
  room.controller.onAuthenticate = async (client) => {
    await connect.promise;
    return letIn(client);
  };
  const client = new NodeClient(room.node, { sid: "s1" });
  client.receiver.receive(JSON.stringify({ command: "subscribe", identifier: CHAT }));
  client.receiver.receive(JSON.stringify(PERFORM));
  await settled();
  expect(client.received).toEqual([]);

  connect.resolve();
  await settled();

  expect(client.received).toEqual([
    { type: "welcome", sid: "s1" },
    { type: "confirm_subscription", identifier: CHAT },
  ]);
  expect(room.controller.calls.map(({ method }) => method)).toEqual([
    "authenticate",
    "subscribe",
    "perform",
  ]);
});

test("Session runs no command of a client that was refused", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = () => ({ status: "failure", transmissions: [], cstate: null });
  const client = new NodeClient(room.node, {});
  client.receiver.receive(JSON.stringify({ command: "subscribe", identifier: CHAT }));

  await settled();
  await client.send(PERFORM);

  expect(room.controller.calls.map(({ method }) => method)).toEqual(["authenticate"]);
});

test("Session counts a frame that is no command, answers nothing and reads on", async () => {
  const room = new NodeRoom();
  const client = await room.connect();

  for (const frame of ["not json", "[]", '"x"', '{"command":1}', '{"identifier":{}}']) {
    client.receiver.receive(frame);
  }
  await client.subscribe(CHAT);

  expect(room.metrics.value("failed_client_msg_total")).toBe(5);
  expect(room.metrics.value("client_msg_total")).toBe(1);
  expect(client.received.at(-1)).toEqual({ type: "confirm_subscription", identifier: CHAT });
});

test("Session counts the bytes of a null frame and nothing else", async () => {
  const room = new NodeRoom();
  const client = await room.connect();

  client.receiver.receive("null");

  expect(room.metrics.value("data_rcvd_total")).toBe(4);
  expect(room.metrics.value("client_msg_total")).toBe(0);
  expect(room.metrics.value("failed_client_msg_total")).toBe(0);
});

test("Session takes binary frames like text frames", async () => {
  const room = new NodeRoom();
  const client = await room.connect();

  client.receiver.receive(Buffer.from(JSON.stringify({ command: "ping" })));
  await settled();

  expect(client.received.at(-1)).toEqual({ type: "pong" });
});

test("Session counts and logs a failed command, and stays open", async () => {
  const room = new NodeRoom();
  const client = await room.connect();

  await client.send({ command: "nope" });
  await client.send({});

  expect(room.metrics.value("failed_client_msg_total")).toBe(2);
  expect(room.log.records.filter(({ level }) => level === "warn").at(0)).toEqual({
    level: "warn",
    message: "failed to handle incoming message",
    attributes: {
      context: "node",
      sid: "s1",
      data: '{"command":"nope"}',
      error: "unknown command: nope",
    },
  });
  expect(client.connection.closes).toEqual([]);
});

test("Session cuts long names and identifiers in what it logs of a failed command", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  const long = "x".repeat(50_000);

  await client.send({ command: long });
  await client.subscribe(long);
  for (const command of ["subscribe", "whisper", "join"]) {
    await client.send({ command, identifier: long });
  }
  for (const command of ["unsubscribe", "message", "history", "join", "leave", "presence"]) {
    await client.send({ command, identifier: `${long}y` });
  }

  const lines = room.log.records.map((record) => JSON.stringify(record));
  expect(lines.filter((line) => line.includes("failed to handle")).length).toBeGreaterThan(7);
  for (const line of lines.filter((line) => !line.includes('"hub"'))) {
    expect(line.length).toBeLessThan(1000);
  }
});

test("Session goes on after a command that throws", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  await client.subscribe(CHAT);
  room.controller.onPerform = () => {
    throw new TypeError("a bug in the application's client");
  };

  await client.send(PERFORM);
  await client.send({ command: "ping" });

  expect(client.received.at(-1)).toEqual({ type: "pong" });
  expect(room.metrics.value("failed_client_msg_total")).toBe(1);
});

test("Session lets the running command of a client that left finish, then runs the disconnect flow", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  const answer = Promise.withResolvers<void>();
  room.controller.onSubscribe = async () => {
    await answer.promise;
    return succeeding({ streams: ["s"] });
  };
  await client.subscribe(CHAT);

  await client.leave();
  expect(room.controller.called("disconnect")).toEqual([]);
  answer.resolve();
  await settled();
  await room.clock.advanceAsync(0);

  expect(room.controller.called("disconnect")).toEqual([
    { method: "disconnect", sid: "s1", subscriptions: [CHAT], cstate: {} },
  ]);
  expect([...room.broker.held]).toEqual([]);
  expect(room.hub.streamCount).toBe(0);
});

test("Session that the server closes cancels its running call, ignores the answer and does not list it", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  const answer = Promise.withResolvers<void>();
  let isAborted = false;
  room.controller.onSubscribe = async (_client, identifier, signal) => {
    signal.addEventListener("abort", () => {
      isAborted = true;
    });
    await answer.promise;
    return succeeding({ streams: [identifier] });
  };
  await client.subscribe(CHAT);

  await room.disconnect("user:s1");
  expect(isAborted).toBe(true);
  answer.resolve();
  await settled();
  await room.clock.advanceAsync(0);

  expect(room.controller.called("disconnect").map(({ subscriptions }) => subscriptions)).toEqual([
    [],
  ]);
  expect(room.log.messages("debug")).toContain("skip subscribe result: closed");
  expect(room.metrics.value("failed_client_msg_total")).toBe(0);
  expect([...room.broker.held]).toEqual([]);
});

test("Session that was answered while its client left during Connect is registered, then told goodbye", async () => {
  const room = new NodeRoom();
  const connect = Promise.withResolvers<void>();
  room.controller.onAuthenticate = async (client) => {
    await connect.promise;
    return letIn(client);
  };
  const client = new NodeClient(room.node, { sid: "s1" });
  await client.leave();
  expect(room.controller.called("disconnect")).toEqual([]);

  connect.resolve();
  await settled();
  await room.clock.advanceAsync(0);

  expect(room.controller.calls.map(({ method }) => method)).toEqual(["authenticate", "disconnect"]);
  expect(client.connection.sent).toEqual([]);
});

test("Session tells a slow client why and closes behind it, once, whatever comes later", async () => {
  const room = new NodeRoom({ maxPendingBytes: 100 });
  const client = await room.connect();
  await client.subscribe(CHAT);
  room.controller.onPerform = () => succeeding({ streams: ["s"] });
  await client.send(PERFORM);
  client.connection.isStuck = true;
  await room.publish("s", JSON.stringify("in flight"));

  for (let i = 0; i < 20; i++) await room.publish("s", JSON.stringify("x".repeat(50)));
  expect([...room.broker.held]).toEqual([]);
  client.connection.held = 0;
  client.connection.isStuck = false;
  client.receiver.drained();
  client.receiver.closed();
  await settled();

  expect(client.received.at(-1)).toEqual({
    type: "disconnect",
    reason: "too_slow",
    reconnect: true,
  });
  expect(client.connection.closes).toEqual([CLOSES.tooSlow]);
  expect(room.metrics.value("disconnected_slow_clients_total")).toBe(1);
});

test("Session does not cut a client that gets more than the limit in one turn and takes it", async () => {
  const room = new NodeRoom({ maxPendingBytes: 1000 });
  const client = await room.connect();
  room.controller.onSubscribe = () => succeeding({ streams: ["s"] });
  await client.subscribe(CHAT);

  for (let i = 0; i < 100; i++) {
    void room.broker.publish({
      stream: "s",
      data: `"${"x".repeat(500)}"`,
      meta: null,
      offset: 0,
      epoch: "",
    });
  }
  await settled();

  expect(client.received).toHaveLength(101);
  expect(client.connection.closes).toEqual([]);
});

test("Session sends pings in the precision asked for", async () => {
  const room = new NodeRoom();
  room.node.start();
  const client = await room.connect({ pingIntervalMs: 1000, pingPrecision: "ms" });

  room.clock.advance(1000);

  expect(client.connection.pings).toEqual([`{"type":"ping","message":${room.clock.now()}}`]);
  expect(client.connection.probes).toBe(0);
});

test("Session follows every ping with a native one when these are on, and takes its pong for an answer", async () => {
  const room = new NodeRoom({ nativePings: true, pongTimeoutMs: 500 });
  room.node.start();
  const client = await room.connect({ pingIntervalMs: 1000 });
  const silent = await room.connect({ pingIntervalMs: 1000 });

  for (let i = 0; i < 5; i++) {
    room.clock.advance(1000);
    client.receiver.probed();
  }
  await settled();

  expect(client.connection.probes).toBe(5);
  expect(client.connection.closes).toEqual([]);
  expect(silent.connection.closes).toEqual([CLOSES.noPong]);
});

test("Session of the extended protocol must answer pings, one of the base protocol need not", async () => {
  const room = new NodeRoom({ pongTimeoutMs: 500 });
  room.node.start();
  const extended = await room.connect({ pingIntervalMs: 1000, isExtended: true });
  const base = await room.connect({ pingIntervalMs: 1000 });

  room.clock.advance(10_000);
  await settled();

  expect(extended.received.at(-1)).toEqual({
    type: "disconnect",
    reason: "no_pong",
    reconnect: true,
  });
  expect(extended.connection.closes).toEqual([CLOSES.noPong]);
  expect(base.connection.closes).toEqual([]);
  expect(room.log.messages("warn")).toEqual(["disconnecting session due to no pongs"]);
});

test("Session counts any command as an answer to a ping, also one that has to wait for another", async () => {
  const room = new NodeRoom({ pongTimeoutMs: 1500 });
  room.node.start();
  const client = await room.connect({ pingIntervalMs: 1000, isExtended: true });
  await client.subscribe(CHAT);
  room.controller.onPerform = () => new Promise(() => undefined);
  await client.send(PERFORM);

  for (let i = 0; i < 10; i++) {
    room.clock.advance(1000);
    client.receiver.receive('{"command":"pong"}');
  }

  expect(client.connection.closes).toEqual([]);
});

test("Session of a connection that is lost leaves no timer behind", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = (client) => letIn(client, { interest: false });
  const client = await room.connect({ pingIntervalMs: 1000 });
  client.connection.isStuck = true;
  await client.send({ command: "ping" });

  await client.leave();
  client.receiver.closed();
  client.receiver.drained();
  client.receiver.probed();
  room.clock.advance(1000);

  expect(client.connection.pings).toEqual([]);
  expect(room.clock.pending).toBe(0);
});

test("Session sends what an application transmits byte for byte, in order", async () => {
  const room = new NodeRoom();
  const texts = ['{"type": "welcome"}', "not json at all", '{"b":1,  "a":2}'];
  room.controller.onAuthenticate = (client) => letIn(client, { transmissions: texts });

  const client = await room.connect();

  expect(client.connection.sent).toEqual(texts);
});

test("Session refuses a rejected subscription without streams or state", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  room.controller.onSubscribe = (_client, identifier) =>
    rejecting(identifier, { streams: ["s"], istate: new Map([["k", "v"]]) });

  await client.subscribe(CHAT);
  await client.send({ command: "unsubscribe", identifier: CHAT });

  expect(client.received.at(-1)).toEqual({ type: "reject_subscription", identifier: CHAT });
  expect(room.hub.streamCount).toBe(0);
  expect(room.metrics.value("failed_client_msg_total")).toBe(1);
});
