import { expect, setDefaultTimeout, test } from "bun:test";
import { Application, accepted } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { rejection } from "../../support/rejection.ts";
import { encodeClientFrame, OPCODES } from "../../support/web-socket-frames.ts";
import { channel, PONG, perform, pubsub, rejected } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const NEWS = pubsub("news");

test.concurrent("protocol#18 Subscribing twice brings one confirmation and one failed command", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect();
  await client.next();
  await client.subscribe(NEWS);

  client.send({ command: "subscribe", identifier: NEWS });
  client.send({ command: "ping" });

  expect(await client.nextText()).toBe(PONG);
  expect(await server.metric("failed_client_msg_total")).toBe(1);
  await server.logged(/WRN failed to handle incoming message .*already subscribed to/);
});

test.concurrent("protocol#19 Commands that cannot be carried out are counted and left unanswered", async () => {
  await using server = await Cableway.start(["--public", "--norpc"]);
  using client = await server.connect();
  await client.next();
  await client.subscribe(NEWS);
  const commands = [
    { command: "message", identifier: NEWS, data: { action: "object" } },
    { command: "message", identifier: NEWS },
    { command: "message", identifier: channel("Chat"), data: "{}" },
    { command: "nope" },
    {},
    { command: "unsubscribe", identifier: channel("Chat") },
    { command: "history", identifier: channel("Chat"), history: { since: 1 } },
    { command: "history", identifier: NEWS },
    { command: "join", identifier: channel("Chat"), presence: { id: "1" } },
    { command: "leave", identifier: channel("Chat") },
    { command: "presence", identifier: channel("Chat") },
    { command: "join", identifier: NEWS },
    { command: "message", identifier: NEWS, data: "{}" },
  ];

  for (const [done, command] of commands.entries()) {
    client.send(command);
    client.send({ command: "ping" });
    expect([command, await client.nextText()]).toEqual([command, PONG]);
    expect(await server.metric("failed_client_msg_total")).toBe(done + 1);
  }

  expect(await server.metric("client_msg_total")).toBe(1 + 2 * commands.length);
  await server.logged("perform data must be a string, got");
  await server.logged("unknown command: nope");
  await server.logged("not implemented");
});

test.concurrent("protocol#20 Q1 Frames that are no commands are counted and ignored, and the next command works", async () => {
  await using server = await Cableway.start(["--public", "--debug"]);
  using client = await server.connect();
  await client.next();
  const frames: readonly (string | Uint8Array)[] = [
    "not json",
    "",
    "[]",
    "1",
    '"x"',
    '{"command":"ping"} x',
    '{"command":"subscribe"',
    '{"command":5}',
    '{"command":"subscribe","identifier":5}',
    '{"command":"history","identifier":"x","history":{"since":1.5}}',
    '{"command":"history","identifier":"x","history":{"since":"1"}}',
    '{"command":"history","identifier":"x","history":{"streams":{"a":{"offset":-1,"epoch":"x"}}}}',
    '{"command":"join","identifier":"x","presence":"x"}',
    new Uint8Array([0xff, 0xfe]),
  ];

  for (const frame of frames) {
    const opcode = typeof frame === "string" ? OPCODES.text : OPCODES.binary;
    client.sendFrame(frame, { opcode });
  }

  await client.subscribe(NEWS);
  expect(await server.metric("failed_client_msg_total")).toBe(frames.length);
  expect(await server.metric("client_msg_total")).toBe(1);
  await server.publish("news", 5);
  expect(await client.next()).toEqual({ identifier: NEWS, message: 5 });
  await server.logged("WebSocket read failed");
});

test.concurrent("protocol#20 The frame null counts as bytes only", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect();
  await client.next();

  client.sendFrame("null");
  client.sendFrame('{"command":"ping"}');

  expect(await client.nextText()).toBe(PONG);
  const metrics = await server.metrics();
  expect(metrics.get("data_rcvd_total")).toBe('null{"command":"ping"}'.length);
  expect(metrics.get("client_msg_total")).toBe(1);
  expect(metrics.get("failed_client_msg_total")).toBe(0);
});

test.concurrent("protocol#21 A message of exactly the limit is accepted, one byte more closes with 1009 and no text", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect({ path: "/cable?pi=0" });
  await client.next();

  client.sendFrame('{"command":"ping"}'.padEnd(65_536));
  expect(await client.nextText()).toBe(PONG);

  client.sendFrame('{"command":"ping"}'.padEnd(65_537));
  const frame = await client.nextFrame();
  expect([frame.opcode, frame.payload]).toEqual([OPCODES.close, Buffer.from([0x03, 0xf1])]);
  await client.ended();
});

test.concurrent("protocol#21 The limit is on the sum of a message's frames; 0 lifts it", async () => {
  await using server = await Cableway.start(["--public", "--max_message_size=100"]);
  await using unlimited = await Cableway.start(["--public", "--max_message_size=0"]);

  using client = await server.connect({ path: "/cable?pi=0" });
  client.sendFrame("x".repeat(60), { isFinal: false });
  client.sendFrame("x".repeat(41), { opcode: OPCODES.continuation });
  expect(await client.closed()).toEqual({ code: 1009, reason: "" });

  using other = await unlimited.connect({ path: "/cable?pi=0" });
  await other.next();
  other.sendFrame('{"command":"ping"}'.padEnd(300_000));
  expect(await other.nextText()).toBe(PONG);
});

test.concurrent("A command may come in pieces with a ping in between, and as a binary message; answers are text", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect({ path: "/cable?pi=0" });
  await client.nextFrame();

  client.sendFrame('{"comm', { isFinal: false });
  client.sendFrame("hi", { opcode: OPCODES.ping });
  client.sendFrame('and":"ping"}', { opcode: OPCODES.continuation });
  client.sendFrame(Buffer.from('{"command":"ping","identifier":null,"zzz":{"a":[1]}}'), {
    opcode: OPCODES.binary,
  });

  const frames = [await client.nextFrame(), await client.nextFrame(), await client.nextFrame()];
  expect(frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
    [OPCODES.pong, "hi"],
    [OPCODES.text, PONG],
    [OPCODES.text, PONG],
  ]);
});

test.concurrent("Violations of the WebSocket protocol close with 1002", async () => {
  await using server = await Cableway.start(["--public"]);
  const violations: Readonly<Record<string, Uint8Array>> = {
    unmasked: encodeClientFrame("{}", { isMasked: false }),
    "reserved opcode": encodeClientFrame("x", { opcode: 3 }),
    "reserved bit": encodeClientFrame("x", { isCompressed: true }),
    "fragmented ping": encodeClientFrame("x", { opcode: OPCODES.ping, isFinal: false }),
    "continuation of nothing": encodeClientFrame("x", { opcode: OPCODES.continuation }),
    "long ping": encodeClientFrame("x".repeat(126), { opcode: OPCODES.ping }),
    "close code 1005": encodeClientFrame(Buffer.from([3, 237]), { opcode: OPCODES.close }),
  };

  for (const [name, bytes] of Object.entries(violations)) {
    using client = await server.connect({ path: "/cable?pi=0" });
    client.sendBytes(bytes);
    expect([name, (await client.closed()).code]).toEqual([name, 1002]);
  }
});

test.concurrent("protocol#28 Unsubscribe is not answered, ends the publications, and fails a second time", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect();
  await client.next();
  await client.subscribe(NEWS);
  const other = await client.subscribe(pubsub("other"));

  client.send({ command: "unsubscribe", identifier: NEWS });
  client.send({ command: "ping" });
  expect(await client.nextText()).toBe(PONG);
  await server.publish("news", 1);
  await server.publish("other", 2);
  expect(await client.next()).toEqual({ identifier: other, message: 2 });
  expect(await client.within(300)).toEqual([]);
  expect(await server.metric("failed_client_msg_total")).toBe(0);

  client.send({ command: "unsubscribe", identifier: NEWS });
  await server.metricReaches("failed_client_msg_total", 1);
  await client.subscribe(NEWS);
});

test.concurrent("protocol#38 Q11 A command answered with disconnect sends its transmission and cuts TCP without a close frame", async () => {
  const command = () => ({ status: 1, disconnect: true, transmissions: ["bye"] });
  await using application = await Application.start({ command });
  await using server = await Cableway.start([application.option]);
  using client = await server.connect({ path: "/cable?pi=0" });
  await client.next();

  client.send({ command: "subscribe", identifier: channel("Chat") });

  expect((await client.nextFrame()).payload.toString()).toBe("bye");
  expect(await rejection(client.nextFrame())).toContain("the connection ended");
  await application.called("disconnect");
});

test.concurrent("protocol#39 A subscribe that ends in ERROR is not answered and may be tried again", async () => {
  const statuses = [0, 1];
  const command = () => ({ status: statuses.shift(), transmissions: ["answer"] });
  await using application = await Application.start({ command });
  await using server = await Cableway.start([application.option]);
  using client = await server.connect();
  await client.next();

  client.send({ command: "subscribe", identifier: channel("Chat") });
  client.send({ command: "ping" });
  expect(await client.nextText()).toBe(PONG);
  expect(await server.metric("failed_client_msg_total")).toBe(1);

  client.send({ command: "subscribe", identifier: channel("Chat") });
  expect(await client.nextText()).toBe("answer");
});

test.concurrent("A rejected subscription is none: it cannot be performed on and may be tried again", async () => {
  const identifier = channel("Secret");
  const command = () => ({ status: 2, transmissions: [rejected(identifier)] });
  await using application = await Application.start({ command });
  await using server = await Cableway.start([application.option]);
  using client = await server.connect();
  await client.next();

  client.send({ command: "subscribe", identifier });
  expect(await client.nextText()).toBe(rejected(identifier));
  client.send(perform(identifier, "{}"));
  await server.metricReaches("failed_client_msg_total", 1);
  client.send({ command: "subscribe", identifier });
  expect(await client.nextText()).toBe(rejected(identifier));

  expect(application.named("command")).toHaveLength(2);
});

test.concurrent("Identifiers that are not JSON reach the application unchanged, and so does an action of a built-in channel", async () => {
  await using application = await Application.start({
    command: (request) => accepted(request, { transmissions: ["done"] }),
  });
  await using server = await Cableway.start([application.option, "--noauth", "--public_streams"]);
  using client = await server.connect();
  await client.next();
  await client.subscribe(NEWS);

  for (const identifier of ["not json", "", "  [1] "]) {
    client.send({ command: "subscribe", identifier });
    expect(await client.nextText()).toBe("done");
    expect(application.named("command").at(-1)?.request.identifier ?? "").toBe(identifier);
  }
  client.send(perform(NEWS, "hey"));
  expect(await client.nextText()).toBe("done");

  const { identifier, command, data } = application.named("command").at(-1)?.request ?? {};
  expect([command, identifier, data]).toEqual(["message", NEWS, "hey"]);
});

test.concurrent("Whisper without a stream of its own and pong are no failures", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect();
  await client.next();

  client.send({ command: "whisper", identifier: "zz", data: 1 });
  client.send({ command: "pong" });
  client.send({ command: "ping" });

  expect(await client.nextText()).toBe(PONG);
  const metrics = await server.metrics();
  expect([metrics.get("client_msg_total"), metrics.get("failed_client_msg_total")]).toEqual([3, 0]);
});
