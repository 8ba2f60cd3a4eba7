import { expect, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { RawClient } from "../../support/raw-client.ts";
import { encodeClientFrame } from "../../support/web-socket-frames.ts";
import { handshakeText, RawExchange } from "./raw-exchange.ts";

const CHAT = '{"channel":"$pubsub","stream_name":"chat"}';
const SUBSCRIBE = encodeClientFrame(JSON.stringify({ command: "subscribe", identifier: CHAT }));

test("5 000 clients that connect at once are all welcomed, and get a publication", async () => {
  await using server = await Cableway.start(["--public", "--ping_interval=60"]);
  const address = { host: server.host, port: server.port };
  const clients = await Promise.all(
    Array.from({ length: 5000 }, () => RawClient.open({ ...address, early: SUBSCRIBE })),
  );
  try {
    const answers = await Promise.all(
      clients.map(async (client) => [await client.next(), await client.next()]),
    );
    expect(answers.every(([, confirmation]) => Bun.deepEquals(confirmation, CONFIRMATION))).toBe(
      true,
    );
    expect(new Set(answers.map(([welcome]) => JSON.stringify(welcome))).size).toBe(5000);

    await server.publish("chat", { n: 1 });

    const texts = await Promise.all(clients.map((client) => client.nextText(10_000)));
    expect(new Set(texts)).toEqual(
      new Set([JSON.stringify({ identifier: CHAT, message: { n: 1 } })]),
    );
  } finally {
    for (const client of clients) client.drop();
  }
  await server.metricReaches("clients_num", 0, 10_000);
}, 60_000);

const CONFIRMATION = { type: "confirm_subscription", identifier: CHAT };

test("A batch of 100 publications reaches a client in order and in a few pieces, not in a hundred", async () => {
  await using server = await Cableway.start(["--public"]);
  using exchange = new RawExchange(server);
  exchange.write(handshakeText(server));
  exchange.socket.write(SUBSCRIBE);
  await exchange.received("confirm_subscription");
  const piecesBefore = exchange.pieces.length;

  await server.broadcast(
    Array.from({ length: 100 }, (_, n) => ({ stream: "chat", data: JSON.stringify({ n }) })),
  );
  await exchange.received('{"n":99}');

  const numbers = [...exchange.text.matchAll(/"message":\{"n":(\d+)\}/g)].map(([, n]) => Number(n));
  expect(numbers).toEqual(Array.from({ length: 100 }, (_, n) => n));
  expect(exchange.pieces.length - piecesBefore).toBeLessThan(20);
});

test("A client that floods the server with commands gets its answers and delays nobody", async () => {
  await using server = await Cableway.start(["--public"]);
  using flooding = await server.connect();
  using other = await server.connect();
  for (const client of [flooding, other]) await client.next();
  const commands = Buffer.concat(Array.from({ length: 20_000 }, () => PING));

  flooding.sendBytes(commands);
  other.send({ command: "ping" });

  expect(await other.next(2000)).toEqual({ type: "pong" });
  for (let i = 0; i < 20_000; i++) expect(await flooding.nextText()).toBe('{"type":"pong"}');
});

const PING = encodeClientFrame('{"command":"ping"}');

test("A client that floods and does not read the answers is cut", async () => {
  await using server = await Cableway.start(["--public", "--ws_write_timeout=1"]);
  using flooding = await server.connect();
  await flooding.next();
  flooding.pause();
  const commands = Buffer.concat(Array.from({ length: 20_000 }, () => PING));

  for (let i = 0; i < 60 && flooding.isOpen; i++) {
    flooding.sendBytes(commands);
    await Bun.sleep(20);
  }

  await server.metricReaches("clients_num", 0, 20_000);
}, 30_000);

test("Frames that are no commands are counted one by one and change nothing", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect();
  await client.next();
  const frames = [
    "",
    "{",
    "\u0000",
    "[[[[",
    "1e999",
    '{"command":{}}',
    "[".repeat(60_000),
    '"\\ud800"',
  ];

  for (const frame of frames) client.sendFrame(frame);
  client.sendFrame(Uint8Array.from([0xff, 0xfe, 0x00]), { opcode: 2 });
  client.send({ command: "ping" });

  expect(await client.next()).toEqual({ type: "pong" });
  expect(await server.metric("failed_client_msg_total")).toBe(frames.length + 1);
});
