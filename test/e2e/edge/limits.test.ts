import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import { Cableway } from "../../support/cableway.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { OPCODES } from "../../support/web-socket-frames.ts";
import { pubsub } from "../../support/wire.ts";
import { RawExchange } from "./raw-exchange.ts";

const MAX_MESSAGE_BYTES = 65_536;
const TOO_BIG = { code: 1009, reason: "" };

/** A ping command, filled up with blanks. */
const pingOf = (bytes: number): string => '{"command":"ping"}'.padEnd(bytes);

async function welcomed(server: Cableway): Promise<RawClient> {
  const client = await server.connect();
  await client.next();
  return client;
}

test("Request headers of 40 KB are taken, of 70 KB answered 431", async () => {
  await using server = await Cableway.start(["--public"]);
  const request = (bytes: number) =>
    `GET /health HTTP/1.1\r\nHost: ${server.host}\r\nCookie: ${"a".repeat(bytes)}\r\n\r\n`;
  using large = new RawExchange(server);
  using tooLarge = new RawExchange(server);

  expect((await large.write(request(40_000)).received("alive.")).text).toStartWith("HTTP/1.1 200 ");
  expect(await tooLarge.write(request(70_000)).ended()).toStartWith("HTTP/1.1 431 ");
});

test("A request whose headers do not arrive within 15 s is cut", async () => {
  await using server = await Cableway.start(["--public"]);
  using silent = new RawExchange(server);
  using trickling = new RawExchange(server).write("GET /health HTTP/1.1\r\nHost: x\r\nX-A: ");
  const trickle = setInterval(() => trickling.write("a"), 500);

  try {
    await Promise.all([silent.ended(16_000), trickling.ended(16_000)]);
  } finally {
    clearInterval(trickle);
  }

  expect(silent.isOpen || trickling.isOpen).toBe(false);
}, 20_000);

test("A body that is too big is refused by its length before it is sent, and the connection closed", async () => {
  await using server = await Cableway.start(["--public"]);
  const bytes = 100 * 1024 * 1024;
  using exchange = new RawExchange(server);

  exchange.write(
    `POST /_broadcast HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: ${bytes}\r\n\r\n`,
  );

  expect(await exchange.ended()).toMatch(/^HTTP\/1\.1 413 .*Connection: close\r\n/s);
});

test("A body without a length is refused as soon as it is too big, and the connection closed", async () => {
  await using server = await Cableway.start(["--public", "--broadcast_max_body_size=1000"]);
  using exchange = new RawExchange(server);
  const chunk = `258\r\n${"x".repeat(600)}\r\n`;

  exchange.write(
    `POST /_broadcast HTTP/1.1\r\nHost: ${server.host}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`,
  );
  exchange.write(chunk);

  expect(await exchange.ended()).toMatch(/^HTTP\/1\.1 413 /);
});

test("An answer without a body has no Content-Type", async () => {
  await using server = await Cableway.start(["--public"]);

  const response = await server.fetch("/_broadcast", { method: "POST", body: "{}" });

  expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
    201,
    null,
    "",
  ]);
});

test("A message of the limit is taken, one byte more closes with 1009, without a text, and TCP with it", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await welcomed(server);

  client.sendFrame(pingOf(MAX_MESSAGE_BYTES));
  expect(await client.next()).toEqual({ type: "pong" });
  client.sendFrame(pingOf(MAX_MESSAGE_BYTES + 1));

  expect(await client.closed()).toEqual(TOO_BIG);
  await client.ended();
});

test("The limit of a message holds for the sum of its frames", async () => {
  await using server = await Cableway.start(["--public"]);
  using whole = await welcomed(server);
  using tooBig = await welcomed(server);
  const half = MAX_MESSAGE_BYTES / 2;
  const text = pingOf(MAX_MESSAGE_BYTES);

  for (const client of [whole, tooBig]) {
    client.sendFrame(text.slice(0, half), { isFinal: false });
    client.sendFrame(text.slice(half), { opcode: OPCODES.continuation, isFinal: client === whole });
  }
  tooBig.sendFrame(" ", { opcode: OPCODES.continuation });

  expect(await whole.next()).toEqual({ type: "pong" });
  expect(await tooBig.closed()).toEqual(TOO_BIG);
});

test("A message without an end closes with 1009 long before it fills the memory", async () => {
  await using server = await Cableway.start(["--public", "--debug"]);
  using client = await welcomed(server);

  client.sendFrame("", { isFinal: false });
  for (let i = 0; i < 64; i++) {
    client.sendFrame("x".repeat(60_000), { opcode: OPCODES.continuation, isFinal: false });
  }

  expect((await client.closed()).code).toBe(1009);
  await client.ended();
  await server.logged(/ DBG WebSocket close error .*code=1009/);
});

test("A message that inflates to 64 MB closes with 1009, and the memory stays small", async () => {
  await using server = await Cableway.start(["--public", "--debug", "--enable_ws_compression"]);
  using client = await server.connect({
    headers: { "Sec-WebSocket-Extensions": "permessage-deflate" },
  });
  const before = residentBytes(server);
  const bomb = deflateRawSync(Buffer.alloc(64 * 1024 * 1024)).subarray(0, -4);

  client.sendFrame(bomb, { isCompressed: true });

  expect((await client.closed()).code).toBe(1009);
  expect(residentBytes(server) - before).toBeLessThan(32 * 1024 * 1024);
  await server.logged(/ DBG WebSocket close error .*code=1009/);
});

function residentBytes(server: Cableway): number {
  const status = readFileSync(`/proc/${server.process.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

test("A client gets no more subscriptions than --ws_max_subscriptions, and the log names the option once", async () => {
  await using server = await Cableway.start(["--public", "--ws_max_subscriptions=1"]);
  using client = await welcomed(server);
  await client.subscribe(pubsub("a"));

  for (const stream of ["b", "c"]) {
    const identifier = pubsub(stream);
    client.send({ command: "subscribe", identifier });
    expect(await client.next()).toEqual({ type: "reject_subscription", identifier });
  }

  await server.metricReaches("failed_client_msg_total", 2);
  expect(server.log.match(/ws_max_subscriptions/g)).toHaveLength(1);
});
