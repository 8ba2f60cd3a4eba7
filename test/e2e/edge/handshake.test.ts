import { expect, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { RawClient } from "../../support/raw-client.ts";
import { encodeClientFrame } from "../../support/web-socket-frames.ts";
import { handshakeText, RawExchange } from "./raw-exchange.ts";

const CHAT = '{"channel":"$pubsub","stream_name":"chat"}';
const subscribe = (identifier: string) => JSON.stringify({ command: "subscribe", identifier });

test("Commands sent in the packet of the handshake are processed after the welcome, in order", async () => {
  await using server = await Cableway.start(["--public"]);
  const early = Buffer.concat([
    encodeClientFrame(subscribe(CHAT)),
    encodeClientFrame('{"command":"ping"}'),
  ]);

  using client = await server.connect({ early });

  expect(await client.next()).toMatchObject({ type: "welcome" });
  expect(await client.next()).toEqual({ type: "confirm_subscription", identifier: CHAT });
  expect(await client.next()).toEqual({ type: "pong" });
});

test("A frame of which the handshake's packet holds only the beginning is not lost", async () => {
  await using server = await Cableway.start(["--public"]);
  const frame = encodeClientFrame(subscribe(CHAT));

  using client = await server.connect({ early: frame.subarray(0, 7) });
  expect(await client.next()).toMatchObject({ type: "welcome" });
  client.sendBytes(frame.subarray(7));

  expect(await client.next()).toEqual({ type: "confirm_subscription", identifier: CHAT });
});

test("A command that comes byte by byte is one command", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect();
  await client.next();

  for (const byte of encodeClientFrame(subscribe(CHAT))) client.sendBytes(Buffer.from([byte]));

  expect(await client.next()).toEqual({ type: "confirm_subscription", identifier: CHAT });
});

test("A handshake that comes byte by byte is answered", async () => {
  await using server = await Cableway.start(["--public"]);
  using exchange = new RawExchange(server);

  for (const character of handshakeText(server)) exchange.write(character);

  await exchange.received('{"type":"welcome"');
  expect(exchange.text).toStartWith("HTTP/1.1 101 ");
});

test("An offer that nobody knows, or that is a token, is never echoed", async () => {
  await using server = await Cableway.start(["--public"]);

  for (const subprotocol of ["foo", "anycable-token.abc", "foo, bar", null]) {
    const response = await RawClient.handshake({
      host: server.host,
      port: server.port,
      subprotocol,
    });

    expect(response.status).toBe(101);
    expect(response.headers.has("sec-websocket-protocol")).toBe(false);
  }
});

test("A path is compared as it was sent: encoded, doubled or in capitals it is another one", async () => {
  await using server = await Cableway.start(["--public"]);

  for (const path of ["/c%61ble", "/cable%2f", "//cable", "/CABLE", "/cable/", "/cable\\"]) {
    const response = await RawClient.handshake({ host: server.host, port: server.port, path });

    expect([path, response.status, response.body]).toEqual([path, 404, "404 page not found\n"]);
  }
});

test("A request that is no HTTP is refused and costs nobody else", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect();
  await client.next();
  const requests = [
    "\x16\x03\x01\x02garbage\r\n\r\n",
    "GET /cable HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
    "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    `GET /health HTTP/1.1\r\nHost: x\r\nX-A\x00: b\r\n\r\n`,
  ];

  for (const request of requests) {
    using exchange = new RawExchange(server);
    expect(await exchange.write(request).ended()).toStartWith("HTTP/1.1 400 ");
  }

  client.send({ command: "ping" });
  expect(await client.next()).toEqual({ type: "pong" });
});

test("A connection that is refused in the handshake serves the next request", async () => {
  await using server = await Cableway.start(["--public"]);
  using exchange = new RawExchange(server);

  await exchange
    .write(`GET /cable HTTP/1.1\r\nHost: ${server.host}\r\n\r\n`)
    .received("Bad Request\n");
  await exchange.write(handshakeText(server)).received('{"type":"welcome"');

  expect(exchange.text).toContain("HTTP/1.1 101 ");
});
