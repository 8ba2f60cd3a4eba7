import { expect, setDefaultTimeout, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  CommandResponseSchema,
  ConnectionResponseSchema,
  Status,
} from "../../../protos/gen/rpc_pb.js";
import { Cableway, freePort } from "../../support/cableway.ts";
import { answers, CHAT, startGrpcBackend, WELCOME } from "../../support/grpc-backend.ts";
import { type RawHandler, RawPeer } from "../../support/grpc-backend-raw.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { rejection } from "../../support/rejection.ts";
import { channel, confirmed, PONG, perform } from "../../support/wire.ts";

setDefaultTimeout(30_000);

const UNAVAILABLE = 14;
const REFUSED_STREAM = 7;
const CANCEL = 8;
const AUTH_ERROR = { code: 1011, reason: "Auth Error" };

async function welcomed(server: Cableway): Promise<RawClient> {
  const client = await server.connect({ path: "/cable?pi=0" });
  expect(await client.nextText()).toBe(WELCOME);
  return client;
}

/** Milliseconds until a client was sent away without a word. */
async function refusedAfter(server: Cableway): Promise<number> {
  const start = performance.now();
  using client = await server.connect({ path: "/cable?pi=0" });
  expect(await rejection(client.nextText())).toContain("closed with 1011 Auth Error");
  return performance.now() - start;
}

async function counted(server: Cableway, ...names: string[]): Promise<readonly unknown[]> {
  const metrics = await server.metrics();
  return names.map((name) => metrics.get(name));
}

function connectBytes(): Uint8Array {
  const fields = { status: Status.SUCCESS, identifiers: "me", transmissions: [WELCOME] };
  return toBinary(ConnectionResponseSchema, create(ConnectionResponseSchema, fields));
}

function commandBytes(...transmissions: string[]): Uint8Array {
  const fields = { status: Status.SUCCESS, transmissions };
  return toBinary(CommandResponseSchema, create(CommandResponseSchema, fields));
}

/** A backend that says HTTP/2 frame by frame. */
async function rawBackend(handler: RawHandler): Promise<RawPeer & Disposable> {
  const peer = await new RawPeer(handler).start();
  return Object.assign(peer, { [Symbol.dispose]: () => peer.stop() });
}

test("rpc#16 Without a backend clients are refused in under a second, and the server stays up", async () => {
  await using server = await Cableway.start([
    `--rpc_host=127.0.0.1:${await freePort("127.0.0.1")}`,
  ]);

  expect(await refusedAfter(server)).toBeLessThan(1000);

  const names = ["rpc_error_total", "rpc_retries_total", "rpc_call_total"];
  expect(await counted(server, ...names)).toEqual([1, 2, 1]);
  expect((await server.fetch("/health")).status).toBe(200);
  await server.logged("connection is lost, trying to reconnect immediately");
  expect(await refusedAfter(server)).toBeLessThan(500);
});

test("rpc#19 An attempt that hangs fails at its time limit and is not tried again", async () => {
  await using backend = await startGrpcBackend();
  await backend.script({ method: "Connect", answers: [answers.hang()] });
  const options = [`--rpc_host=${backend.host}`, "--rpc_request_timeout=500"];
  await using server = await Cableway.start(options);

  const took = await refusedAfter(server);

  expect(took).toBeGreaterThan(450);
  expect(took).toBeLessThan(1500);
  const names = ["rpc_timeout_total", "rpc_error_total", "rpc_retries_total"];
  expect(await counted(server, ...names)).toEqual([1, 1, 0]);
  expect(backend.calls).toHaveLength(1);
});

test("rpc#20 A longer time limit for attempts changes nothing: a command has 3 s", async () => {
  await using backend = await startGrpcBackend();
  await backend.script({ method: "Connect", answers: [answers.hang()] });
  const options = [`--rpc_host=${backend.host}`, "--rpc_request_timeout=5000"];
  await using server = await Cableway.start(options);

  const took = await refusedAfter(server);

  expect(took).toBeGreaterThan(2900);
  expect(took).toBeLessThan(4000);
});

test("rpc#26 With a concurrency of 1 one call runs at a time, and the next one waits and is counted", async () => {
  await using backend = await startGrpcBackend();
  const transmissions = [confirmed(CHAT)];
  const slow = answers.command({ transmissions }, 700);
  await backend.script({ method: "Command", answers: [slow] });
  const options = [`--rpc_host=${backend.host}`, "--rpc_concurrency=1"];
  await using server = await Cableway.start(options);
  using alice = await welcomed(server);
  using bob = await welcomed(server);

  for (const client of [alice, bob]) client.send({ command: "subscribe", identifier: CHAT });
  await server.metricReaches("rpc_pending_num", 1);
  await backend.called(3);
  expect(backend.named("Command")).toHaveLength(1);
  await Promise.all([alice.next(), bob.next()]);

  const [first, second] = backend.named("Command");
  expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThan(600);
  expect(await server.metric("rpc_pending_num")).toBe(0);
});

test("rpc#26 A call keeps its place during the pauses between its attempts", async () => {
  await using backend = await startGrpcBackend();
  const busy = answers.error(UNAVAILABLE);
  const transmissions = ["done"];
  const command = "Command" as const;
  await backend.script(
    {
      method: command,
      contains: '"Slow"',
      answers: [busy, busy, busy, answers.command({ transmissions })],
    },
    { method: command, contains: '"Fast"', answers: [answers.command({ transmissions })] },
  );
  const options = [`--rpc_host=${backend.host}`, "--rpc_concurrency=1"];
  await using server = await Cableway.start(options);
  using slow = await welcomed(server);
  using fast = await welcomed(server);

  slow.send({ command: "subscribe", identifier: channel("Slow") });
  await backend.called(3);
  fast.send({ command: "subscribe", identifier: channel("Fast") });
  await Promise.all([slow.nextText(), fast.nextText()]);

  const identifiers = backend.named("Command").map(({ request }) => request.identifier);
  expect(identifiers).toEqual([...Array(4).fill(channel("Slow")), channel("Fast")]);
});

test("rpc#27 A session that is closed while it waits for its turn makes no call", async () => {
  await using backend = await startGrpcBackend();
  const hold = answers.command({}, 1500);
  await backend.script(
    { method: "Command", answers: [hold] },
    {
      method: "Connect",
      contains: "who=waiting",
      answers: [answers.connect({ identifiers: "waiting", transmissions: [WELCOME] })],
    },
  );
  const options = [`--rpc_host=${backend.host}`, "--rpc_concurrency=1", "--disconnect_mode=never"];
  await using server = await Cableway.start(options);
  using busy = await welcomed(server);
  using waiting = await server.connect({ path: "/cable?who=waiting" });
  await waiting.next();
  busy.send({ command: "subscribe", identifier: CHAT });
  await backend.called(3);
  waiting.send({ command: "subscribe", identifier: CHAT });
  await server.metricReaches("rpc_pending_num", 1);

  await server.disconnect("waiting");
  expect(await waiting.next()).toMatchObject({ type: "disconnect", reason: "remote" });
  await server.metricReaches("rpc_canceled_total", 1);

  expect(await counted(server, "rpc_call_total", "rpc_error_total")).toEqual([3, 0]);
  expect(backend.named("Command")).toHaveLength(1);
});

test("rpc#28 Concurrency 0 adapts itself and shows its capacity; a fixed one has no such metric", async () => {
  await using adaptive = await Cableway.start(["--rpc_host=localhost:1", "--rpc_concurrency=0"]);
  await using fixed = await Cableway.start(["--rpc_host=localhost:1"]);

  await adaptive.logged("(concurrency: auto (initial=25, min=5, max=100), impl: grpc");
  expect(await adaptive.metric("rpc_capacity_num")).toBe(25);
  await fixed.logged("(concurrency: 28, impl: grpc");
  expect((await fixed.metrics()).has("rpc_capacity_num")).toBe(false);
});

test("rpc#29 Calls go round a list of backends, and losing one of them is not noticed", async () => {
  await using one = await startGrpcBackend();
  await using two = await startGrpcBackend();
  const list = `grpc-list://localhost:${one.port},localhost:${two.port}`;
  await using server = await Cableway.start([`--rpc_host=${list}`, "--disconnect_mode=never"]);

  for (let n = 0; n < 10; n += 1) (await welcomed(server)).drop();
  expect(one.calls.length + two.calls.length).toBe(10);
  expect(Math.min(one.calls.length, two.calls.length)).toBeGreaterThan(0);

  await one.stop();
  for (let n = 0; n < 10; n += 1) (await welcomed(server)).drop();
  expect(await server.metric("rpc_error_total")).toBe(0);
});

test("rpc#30 A backend that allows one call at a time gets all calls, none is refused", async () => {
  await using backend = await startGrpcBackend({
    channelOptions: { "grpc.max_concurrent_streams": 1 },
  });
  const slow = answers.connect({ identifiers: "me", transmissions: [WELCOME] }, 50);
  await backend.script({ method: "Connect", answers: [slow] });
  await using server = await Cableway.start([`--rpc_host=${backend.host}`]);

  const clients = await Promise.all(Array.from({ length: 10 }, () => welcomed(server)));

  expect(backend.named("Connect")).toHaveLength(10);
  expect(await counted(server, "rpc_error_total", "rpc_call_total")).toEqual([0, 10]);
  for (const client of clients) client.drop();
});

test("rpc#31 A call that runs while the backend says GOAWAY ends well, the next one uses a new connection", async () => {
  using backend = await rawBackend((connection, streamId, number) => {
    if (number === 1) return connection.reply(streamId, connectBytes());
    if (number > 2) return connection.reply(streamId, commandBytes("second"));
    connection.goAway(streamId);
    setTimeout(() => connection.reply(streamId, commandBytes(confirmed(CHAT))), 300);
  });
  await using server = await Cableway.start([`--rpc_host=127.0.0.1:${backend.port}`]);
  using client = await welcomed(server);

  client.send({ command: "subscribe", identifier: CHAT });
  client.send(perform(CHAT, "{}"));

  expect(await client.nextText()).toBe(confirmed(CHAT));
  expect(await client.nextText()).toBe("second");
  expect(backend.connections).toHaveLength(2);
  const names = ["rpc_call_total", "rpc_error_total", "rpc_retries_total"];
  expect(await counted(server, ...names)).toEqual([3, 0, 0]);
});

test("rpc#42 A call that runs when the server closes its session is cancelled on the wire", async () => {
  using backend = await rawBackend((connection, streamId, number) => {
    if (number === 1) connection.reply(streamId, connectBytes());
    if (number > 2) connection.reply(streamId, new Uint8Array([8, 1]));
  });
  await using server = await Cableway.start([`--rpc_host=127.0.0.1:${backend.port}`]);
  using client = await welcomed(server);
  client.send({ command: "subscribe", identifier: CHAT });
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const poll = setInterval(() => backend.requests >= 2 && resolve(), 5);
  await asked;
  clearInterval(poll);

  await server.disconnect("me");
  expect(await client.next()).toMatchObject({ reason: "remote" });
  await server.metricReaches("rpc_canceled_total", 1);

  expect(await server.metric("rpc_error_total")).toBe(0);
  expect([...(backend.connections[0]?.resets.values() ?? [])]).toEqual([CANCEL]);
});

test("rpc#42 Disconnect of a session that the server closed does not list the subscription that was running", async () => {
  await using backend = await startGrpcBackend();
  await backend.script({ method: "Command", answers: [answers.hang()] });
  await using server = await Cableway.start([`--rpc_host=${backend.host}`]);
  using client = await welcomed(server);
  client.send({ command: "subscribe", identifier: CHAT });
  await backend.called(2);

  await server.disconnect("me");
  await backend.until(() => backend.canceled.includes("Command"));
  await backend.called(3);

  expect(backend.named("Disconnect")[0]?.request.subscriptions).toEqual([]);
  expect(await counted(server, "rpc_canceled_total", "rpc_error_total")).toEqual([1, 0]);
});

test("rpc#43 A call that was refused unprocessed is sent again without anybody noticing", async () => {
  using backend = await rawBackend((connection, streamId, number) => {
    if (number === 1) return connection.reset(streamId, REFUSED_STREAM);
    if (number === 3) return connection.goAway(0);
    const bytes = number === 2 ? connectBytes() : commandBytes(confirmed(CHAT));
    connection.reply(streamId, bytes);
  });
  await using server = await Cableway.start([`--rpc_host=127.0.0.1:${backend.port}`]);

  using client = await welcomed(server);
  expect(await counted(server, "rpc_call_total", "rpc_error_total")).toEqual([1, 0]);
  client.send({ command: "subscribe", identifier: CHAT });

  expect(await client.nextText()).toBe(confirmed(CHAT));
  const names = ["rpc_call_total", "rpc_error_total", "rpc_retries_total"];
  expect(await counted(server, ...names)).toEqual([2, 0, 0]);
  expect(backend.requests).toBe(4);
});

test("A backend that comes back is used again by the sessions that waited for it", async () => {
  const backend = await startGrpcBackend();
  await using server = await Cableway.start([`--rpc_host=${backend.host}`]);
  using client = await welcomed(server);
  client.send({ command: "subscribe", identifier: CHAT });
  expect(await client.nextText()).toBe(confirmed(CHAT));
  await backend.stop();

  client.send(perform(CHAT, "{}"));
  client.send({ command: "ping" });
  expect(await client.nextText()).toBe(PONG);
  await server.logged(/perform failed for .*grpc connection is not ready/);
  await using again = await startGrpcBackend({ listen: backend.host });
  await again.script({
    method: "Command",
    answers: [answers.command({ transmissions: ["back"] })],
  });

  const asking = setInterval(() => client.send(perform(CHAT, "{}")), 200);
  try {
    expect(await client.nextText(8000)).toBe("back");
  } finally {
    clearInterval(asking);
  }
  await server.logged("connection is restored");
});

test("Connect errors close with the documented text", async () => {
  await using backend = await startGrpcBackend();
  await backend.script({ method: "Connect", answers: [answers.error(13, "kaboom")] });
  await using server = await Cableway.start([`--rpc_host=${backend.host}`]);

  using client = await server.connect();

  expect(await client.closed()).toEqual(AUTH_ERROR);
  await server.logged(/ERR .*WebSocket session failed.*kaboom/);
});
