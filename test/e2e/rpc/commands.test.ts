import { expect, setDefaultTimeout, test } from "bun:test";
import { Status } from "../../../protos/gen/rpc_pb.js";
import { Cableway } from "../../support/cableway.ts";
import {
  answers,
  CHAT,
  confirmation,
  type GrpcBackendProcess,
  startGrpcBackend,
} from "../../support/grpc-backend.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { rejection } from "../../support/rejection.ts";
import { channel, confirmed, PONG, perform } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const WATCH = channel("Watch");
const SUBSCRIBE = "\n\tsubscribe";
const MESSAGE = "\n\u0007message";

function start(backend: GrpcBackendProcess, ...options: string[]): Promise<Cableway> {
  return Cableway.start([`--rpc_host=${backend.host}`, ...options]);
}

async function welcomed(server: Cableway, sid?: string): Promise<RawClient> {
  const client = await server.connect({ headers: { "X-Request-ID": sid ?? null } });
  expect(await client.nextText()).toBe('{"type":"welcome"}');
  return client;
}

async function chatting(server: Cableway): Promise<RawClient> {
  const client = await welcomed(server);
  client.send({ command: "subscribe", identifier: CHAT });
  expect(await client.nextText()).toBe(confirmed(CHAT));
  return client;
}

/** Answers a subscription to a channel. */
function onSubscribe(name: string, fields: Parameters<typeof answers.command>[0]) {
  const transmissions = [confirmation(channel(name))];
  const answer = answers.command({ transmissions, ...fields });
  return { method: "Command" as const, contains: `"${name}"`, answers: [answer] };
}

/** Answers actions, one after the other. */
function onMessage(...fields: Parameters<typeof answers.command>[0][]) {
  const list = fields.map((one) => answers.command(one));
  return { method: "Command" as const, contains: MESSAGE, answers: list };
}

test.concurrent("rpc#3 An empty response is a message with status ERROR: nothing is sent, a warning is logged", async () => {
  await using backend = await startGrpcBackend();
  await backend.script({ method: "Command", answers: [answers.bytes(new Uint8Array())] });
  await using server = await start(backend);
  using client = await welcomed(server);

  client.send({ command: "subscribe", identifier: CHAT });
  client.send({ command: "ping" });

  expect(await client.nextText()).toBe(PONG);
  await server.logged(
    /WRN failed to handle incoming message .*subscribe failed for .*Application error: /,
  );
  expect(await server.metric("rpc_error_total")).toBe(0);
  expect(await server.metric("failed_client_msg_total")).toBe(1);
});

test.concurrent("rpc#4 Every call carries the session id, the protocol version and a deadline of at most 3 s", async () => {
  await using backend = await startGrpcBackend();
  await using server = await start(backend);
  using client = await welcomed(server, "req-7");
  client.send({ command: "subscribe", identifier: CHAT });
  client.send(perform(CHAT, "{}"));
  client.send({ command: "unsubscribe", identifier: CHAT });
  await backend.called(4);

  client.drop();
  await backend.called(5);

  for (const { method, metadata, timeLeftMs } of backend.calls) {
    expect([method, metadata]).toMatchObject([method, { sid: "req-7", protov: "v1" }]);
    expect(timeLeftMs).toBeGreaterThan(1500);
    expect(timeLeftMs).toBeLessThanOrEqual(3000);
  }
  const methods = backend.calls.map(({ method }) => method);
  expect(methods).toEqual(["Connect", "Command", "Command", "Command", "Disconnect"]);
});

test.concurrent("rpc#10 An action whose data is no string is refused without asking", async () => {
  await using backend = await startGrpcBackend();
  await using server = await start(backend);
  using client = await chatting(server);

  client.send({ command: "message", identifier: CHAT, data: { action: "speak" } });
  client.send({ command: "ping" });

  expect(await client.nextText()).toBe(PONG);
  expect(backend.named("Command")).toHaveLength(1);
  expect(await server.metric("failed_client_msg_total")).toBe(1);
});

test.concurrent("rpc#11 rpc#12 A channel's state goes flat with its own commands, and as JSON per channel with Disconnect", async () => {
  await using backend = await startGrpcBackend();
  await backend.script(
    { method: "Command", contains: MESSAGE, answers: [answers.command()] },
    onSubscribe("Chat", { env: { istate: { room: "1" } } }),
    onSubscribe("Watch", { env: { istate: { room: "2" } } }),
  );
  await using server = await start(backend);
  using client = await chatting(server);
  client.send({ command: "subscribe", identifier: WATCH });
  expect(await client.nextText()).toBe(confirmed(WATCH));

  client.send(perform(CHAT, "{}"));
  client.send(perform(WATCH, "{}"));
  await backend.called(5);
  client.drop();
  await backend.called(6);

  const states = backend.named("Command").map(({ request }) => request.env?.istate);
  expect(states).toEqual([{}, {}, { room: "1" }, { room: "2" }]);
  const { request } = backend.named("Disconnect")[0] ?? {};
  expect(request?.env?.istate).toEqual({ [CHAT]: '{"room":"1"}', [WATCH]: '{"room":"2"}' });
  expect(request?.subscriptions.toSorted()).toEqual([CHAT, WATCH].toSorted());
});

test.concurrent("rpc#13 A value sets a key of the state, an empty one deletes it", async () => {
  await using backend = await startGrpcBackend();
  const steps = [{ a: "1", b: "x" }, { a: "", nope: "" }, { b: "" }, {}];
  await backend.script(
    onMessage(...steps.map((state) => ({ env: { cstate: state, istate: state } }))),
  );
  await using server = await start(backend);
  using client = await chatting(server);

  for (const step of steps) client.send(perform(CHAT, JSON.stringify(step)));
  await backend.called(6);

  const envs = backend.named("Command").map(({ request }) => request.env);
  expect(envs.map((env) => env?.cstate)).toEqual([{}, {}, { a: "1", b: "x" }, { b: "x" }, {}]);
  expect(envs.map((env) => env?.istate)).toEqual([{}, {}, { a: "1", b: "x" }, { b: "x" }, {}]);
});

test.concurrent("rpc#14 A rejected Connect sends its transmission as it is, then closes; it is no error", async () => {
  await using backend = await startGrpcBackend();
  const transmissions = ['{"type" : "disconnect"}'];
  const answer = answers.connect({ status: Status.FAILURE, transmissions });
  await backend.script({ method: "Connect", answers: [answer] });
  await using server = await start(backend);

  using client = await server.connect();

  expect(await client.nextText()).toBe('{"type" : "disconnect"}');
  expect(await client.closed()).toEqual({ code: 1000, reason: "Auth Failed" });
  expect(await server.metric("failed_auths_total")).toBe(1);
  expect(await server.metric("rpc_error_total")).toBe(0);
});

test.concurrent("rpc#15 A Connect that ends in ERROR sends nothing and closes with 1011; it counts as a call only", async () => {
  await using backend = await startGrpcBackend();
  const answer = answers.connect({ status: Status.ERROR, transmissions: ["no"] });
  await backend.script({ method: "Connect", answers: [answer] });
  await using server = await start(backend);

  using client = await server.connect();

  expect(await rejection(client.nextText())).toContain("closed with 1011 Auth Error");
  const metrics = await server.metrics();
  const counted = ["failed_auths_total", "rpc_error_total", "rpc_call_total"];
  expect(counted.map((name) => metrics.get(name))).toEqual([0, 0, 1]);
});

test.concurrent("rpc#32 A session listens to its streams before it gets the confirmation", async () => {
  await using backend = await startGrpcBackend();
  await backend.script(onSubscribe("Chat", { streams: ["s"] }));
  await using server = await start(backend);

  for (let n = 0; n < 15; n += 1) {
    using client = await chatting(server);
    await server.publish("s", n);
    expect(await client.next()).toEqual({ identifier: CHAT, message: n });
  }
});

test.concurrent("rpc#33 stop_streams with streams replaces the streams, whatever stopped_streams says", async () => {
  await using backend = await startGrpcBackend();
  await backend.script(
    onMessage({
      stopStreams: true,
      streams: ["b"],
      stoppedStreams: ["a"],
      transmissions: ["replaced"],
    }),
    onSubscribe("Chat", { streams: ["a", "c"] }),
  );
  await using server = await start(backend);
  using client = await chatting(server);

  client.send(perform(CHAT, "{}"));
  expect(await client.nextText()).toBe("replaced");
  for (const stream of ["a", "b", "c"]) await server.publish(stream, `"${stream}"`);

  expect(await client.within(400)).toEqual([JSON.stringify({ identifier: CHAT, message: "b" })]);
});

test.concurrent("rpc#34 disconnect comes after the transmission and before the Disconnect call", async () => {
  await using backend = await startGrpcBackend();
  await backend.script(onMessage({ disconnect: true, transmissions: ["bye"] }));
  await using server = await start(backend);
  using client = await chatting(server);

  client.send(perform(CHAT, "{}"));

  expect(await client.nextText()).toBe("bye");
  expect(await client.closed()).toEqual({ code: 1006, reason: "" });
  await backend.called(4);
  expect(backend.named("Disconnect")[0]?.request.subscriptions).toEqual([CHAT]);
});

test.concurrent("rpc#35 A stream under $w carries a client's whispers to the others; without it they are ignored", async () => {
  await using backend = await startGrpcBackend();
  await backend.script(
    onMessage({ env: { istate: { $w: "room" } }, transmissions: ["on"] }),
    onSubscribe("Watch", { streams: ["room"] }),
    onSubscribe("Chat", { streams: ["room"] }),
  );
  await using server = await start(backend);
  using alice = await chatting(server);
  using bob = await welcomed(server);
  bob.send({ command: "subscribe", identifier: WATCH });
  expect(await bob.nextText()).toBe(confirmed(WATCH));

  alice.send({ command: "whisper", identifier: CHAT, data: 1 });
  alice.send(perform(CHAT, "{}"));
  expect(await alice.nextText()).toBe("on");
  alice.send({ command: "whisper", identifier: CHAT, data: { n: 2 } });

  expect(await bob.next()).toEqual({ identifier: WATCH, message: { n: 2 } });
  expect(await alice.within(300)).toEqual([]);
  expect(await server.metric("failed_client_msg_total")).toBe(0);
});

test.concurrent("rpc#36 A response may let a session join and leave; info that is no JSON stays a string", async () => {
  await using backend = await startGrpcBackend();
  const join = (id: string, info: string) => ({ presence: { type: "join", id, info } });
  const leave = { presence: { type: "leave" } };
  await backend.script(
    onMessage(
      { ...join("42", '{"name":"V"}'), env: { istate: { $p: "room" } } },
      leave,
      join("43", "plain"),
      leave,
      { presence: { type: "dance" } },
    ),
    onSubscribe("Watch", { streams: ["room"] }),
  );
  await using server = await start(backend, "--broker=memory");
  using actor = await chatting(server);
  using watcher = await welcomed(server);
  watcher.send({ command: "subscribe", identifier: WATCH });
  expect(await watcher.nextText()).toBe(confirmed(WATCH));

  for (let n = 0; n < 5; n += 1) actor.send(perform(CHAT, String(n)));

  const events = await watcher.messages(4);
  const event = (message: unknown) => ({ type: "presence", identifier: WATCH, message });
  expect(events).toEqual([
    event({ type: "join", id: "42", info: { name: "V" } }),
    event({ type: "leave", id: "42" }),
    event({ type: "join", id: "43", info: "plain" }),
    event({ type: "leave", id: "43" }),
  ]);
  await server.logged(/WRN .*failed to process presence.*unknown presence event: dance/);
});

test.concurrent("Streams and state of a rejected subscription are ignored", async () => {
  await using backend = await startGrpcBackend();
  const fields = { status: Status.FAILURE, transmissions: ["no"], streams: ["leak"] };
  const answer = answers.command({ ...fields, env: { istate: { k: "v" } } });
  await backend.script({ method: "Command", contains: SUBSCRIBE, answers: [answer] });
  await using server = await start(backend);
  using client = await welcomed(server);

  client.send({ command: "subscribe", identifier: CHAT });
  expect(await client.nextText()).toBe("no");
  await server.publish("leak", 1);
  expect(await client.within(300)).toEqual([]);
  client.drop();
  await backend.called(3);

  const { request } = backend.named("Disconnect")[0] ?? {};
  expect([request?.subscriptions, request?.env?.istate]).toEqual([[], {}]);
});
