import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "../../../support/fake-clock.ts";
import { answers, CHAT, confirmation, startGrpcBackend } from "../../../support/grpc-backend.ts";
import { RawPeer } from "../../../support/grpc-backend-raw.ts";
import { NEVER, openRoom, someClient } from "../room.ts";

const EXHAUSTED = 8;
const INTERNAL = 13;

type StreamArguments = [ServerHttp2Stream, IncomingHttpHeaders, number, string[]];

async function application(options: Parameters<typeof startGrpcBackend>[0] = {}) {
  const backend = await startGrpcBackend(options);
  return Object.assign(backend, { [Symbol.asyncDispose]: () => backend.stop() });
}

test("A connect, a subscribe, a message and a disconnect reach the application and come back", async () => {
  await using backend = await application();
  await using room = await openRoom({ host: backend.host });
  const { controller } = room;
  const client = someClient({ identifiers: "me" });

  const connected = await controller.authenticate(client, NEVER);
  const subscribed = await controller.subscribe(client, CHAT, NEVER);
  const performed = await controller.perform(client, CHAT, '{"action":"go"}', NEVER);
  await controller.disconnect(client, [CHAT]);

  await backend.settled();
  expect(connected).toMatchObject({ status: "success", identifiers: "me", interest: true });
  expect(subscribed).toMatchObject({ effects: { transmissions: [confirmation(CHAT)] } });
  expect(performed).toMatchObject({ status: "success" });
  expect(backend.named("Command").map(({ request }) => [request.command, request.data])).toEqual([
    ["subscribe", ""],
    ["message", '{"action":"go"}'],
  ]);
  expect(backend.named("Disconnect")[0]?.request.subscriptions).toEqual([CHAT]);
  expect(room.counts()).toEqual({ call: 4, retries: 0, error: 0, timeout: 0, canceled: 0 });
});

test("Every call carries the session id, the protocol version and a deadline of at most 3 s", async () => {
  await using backend = await application();
  await using room = await openRoom({ host: backend.host });

  await room.controller.authenticate(someClient({ sid: "req-7" }), NEVER);

  await backend.settled();
  const [call] = backend.calls;
  expect(call?.metadata).toMatchObject({ sid: "req-7", protov: "v1" });
  expect(call?.timeLeftMs).toBeGreaterThan(2000);
  expect(call?.timeLeftMs).toBeLessThanOrEqual(3001);
});

test("Without a command timeout there is no deadline", async () => {
  await using backend = await application();
  await using room = await openRoom({ host: backend.host, commandTimeoutMs: 0 });

  await room.controller.authenticate(someClient(), NEVER);

  await backend.settled();
  expect(backend.calls[0]?.timeLeftMs).toBeNull();
});

test("An exhausted application is asked again (rpc#17)", async () => {
  await using backend = await application();
  const done = answers.command({ transmissions: ["done"] });
  await backend.script({ method: "Command", answers: [answers.error(EXHAUSTED), done] });
  await using room = await openRoom({ host: backend.host });

  const result = await room.controller.perform(someClient(), CHAT, "{}", NEVER);

  expect(result).toMatchObject({ effects: { transmissions: ["done"] } });
  expect(room.counts()).toEqual({ call: 1, retries: 1, error: 0, timeout: 0, canceled: 0 });
});

test("A hanging application ends a call after its request timeout, once (rpc#19)", async () => {
  await using backend = await application();
  await backend.script({ method: "Connect", answers: [answers.hang()] });
  await using room = await openRoom({ host: backend.host, requestTimeoutMs: 100 });
  const startMs = performance.now();

  const result = await room.controller.authenticate(someClient(), NEVER);

  const text = "rpc error: code = DeadlineExceeded desc = context deadline exceeded";
  expect(result).toEqual({ status: "error", error: text });
  expect(performance.now() - startMs).toBeWithin(99, 1000);
  expect(room.counts()).toEqual({ call: 1, retries: 0, error: 1, timeout: 1, canceled: 0 });
  await backend.until(() => backend.canceled.length === 1);
});

test("A request timeout above the command timeout changes nothing (rpc#20)", async () => {
  await using backend = await application();
  await backend.script({ method: "Connect", answers: [answers.hang()] });
  const options = { host: backend.host, requestTimeoutMs: 5000, commandTimeoutMs: 100 };
  await using room = await openRoom(options);
  const startMs = performance.now();

  const result = await room.controller.authenticate(someClient(), NEVER);

  expect(result.status).toBe("error");
  expect(performance.now() - startMs).toBeWithin(99, 1000);
});

test("Other errors are final and named", async () => {
  await using backend = await application();
  const failing = { method: "Connect", answers: [answers.error(INTERNAL, "why not é")] } as const;
  await backend.script(failing);
  await using room = await openRoom({ host: backend.host });

  const result = await room.controller.authenticate(someClient(), NEVER);

  await backend.settled();
  const text = "rpc error: code = Internal desc = why not é";
  expect(result).toEqual({ status: "error", error: text });
  expect(backend.calls.length).toBe(1);
});

test("An empty answer is the status ERROR, which is no error of the call", async () => {
  await using backend = await application();
  await backend.script({ method: "Command", answers: [answers.bytes(new Uint8Array())] });
  await using room = await openRoom({ host: backend.host });

  const result = await room.controller.perform(someClient(), CHAT, "", NEVER);

  expect(result).toEqual({ status: "error", error: "Application error: " });
  expect(room.counts()).toMatchObject({ call: 1, error: 0 });
});

test("A disconnect answered with ERROR is an error; FAILURE and unknown statuses are not", async () => {
  await using backend = await application();
  const statuses = [2, 9, 0].map((status) => answers.disconnect({ status, errorMsg: "gone" }));
  await backend.script({ method: "Disconnect", answers: statuses });
  await using room = await openRoom({ host: backend.host });
  const disconnect = () => room.controller.disconnect(someClient(), []);

  await disconnect();
  await disconnect();
  // `rejects` of bun test waits without letting the connection read
  const failure = await disconnect().catch((error: unknown) => error);

  expect(failure).toMatchObject({
    code: "disconnect_failed",
    message: "Application error: gone",
  });

  expect(room.counts()).toMatchObject({ call: 3, error: 1 });
});

test("A session that ends cancels its call at the application", async () => {
  await using backend = await application();
  await backend.script({ method: "Command", answers: [answers.hang()] });
  await using room = await openRoom({ host: backend.host });
  const ending = new AbortController();
  const running = room.controller.perform(someClient(), CHAT, "{}", ending.signal);
  await backend.called(1);

  ending.abort();

  expect(await running).toEqual({ status: "canceled" });
  expect(room.counts()).toEqual({ call: 0, retries: 0, error: 0, timeout: 0, canceled: 1 });
  await backend.until(() => backend.canceled.length === 1);
});

test("Nothing that listens fails the first call after two retries, later ones at once", async () => {
  const peer = await new RawPeer(() => undefined).start();
  peer.stop();
  await using room = await openRoom({ host: `127.0.0.1:${peer.port}` });
  const failure = { status: "error", error: "grpc connection is not ready" };

  expect(await room.controller.authenticate(someClient(), NEVER)).toEqual(failure as never);
  expect(room.counts()).toMatchObject({ call: 1, retries: 2, error: 1 });
  expect(await room.controller.authenticate(someClient(), NEVER)).toEqual(failure as never);

  expect(room.counts()).toMatchObject({ call: 2, retries: 2, error: 2 });
  expect(room.log.messages("warn")).toEqual([
    "connection is lost, trying to reconnect immediately",
  ]);
});

test("A limit of one stream delays calls, it fails none (rpc#30)", async () => {
  const channelOptions = { "grpc.max_concurrent_streams": 1 };
  await using backend = await application({ channelOptions });
  await using room = await openRoom({ host: backend.host });

  const results = await Promise.all(
    Array.from({ length: 10 }, () => room.controller.authenticate(someClient(), NEVER)),
  );

  expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => "success"));
  expect(room.counts()).toMatchObject({ call: 10, retries: 0, error: 0 });
});

test("A server that ends old connections is not noticed (rpc#31)", async () => {
  const channelOptions = {
    "grpc.max_connection_age_ms": 100,
    "grpc.max_connection_age_grace_ms": 3000,
  };
  await using backend = await application({ channelOptions });
  const slow = { method: "Command", answers: [answers.command({}, 60)] } as const;
  await backend.script(slow);
  await using room = await openRoom({ host: backend.host });

  for (let count = 0; count < 10; count++) {
    await room.controller.perform(someClient(), CHAT, "{}", NEVER);
  }

  await backend.settled();
  expect(new Set(backend.calls.map(({ peer }) => peer)).size).toBeGreaterThan(1);
  expect(backend.calls.length).toBe(10);
  expect(room.counts()).toEqual({ call: 10, retries: 0, error: 0, timeout: 0, canceled: 0 });
});

test("A list uses all its addresses; the loss of one is not noticed (rpc#29)", async () => {
  await using first = await application();
  await using second = await application();
  const host = `grpc-list://localhost:${first.port},localhost:${second.port}`;
  await using room = await openRoom({ host });
  const connect = () => room.controller.authenticate(someClient(), NEVER);
  while (first.calls.length < 3 || second.calls.length < 3) await connect();

  await first.drain();
  for (let count = 0; count < 10; count++) expect((await connect()).status).toBe("success");

  expect(room.counts()).toMatchObject({ error: 0 });
});

test("A restarted application is found again, and the log says so", async () => {
  const first = await startGrpcBackend();
  await using room = await openRoom({ host: first.host });
  const connect = () => room.controller.authenticate(someClient(), NEVER);
  await connect();
  await first.stop();
  while ((await connect()).status !== "error") await Bun.sleep(1);

  await using _second = await application({ listen: first.host });

  while ((await connect()).status !== "success") await Bun.sleep(20);
  expect(room.log.messages("info")).toEqual(["connection is restored"]);
});

test("A Unix socket is an address", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cableway-rpc-"));
  try {
    const path = join(folder, "rpc.sock");
    await using _backend = await application({ listen: `unix:${path}` });
    await using room = await openRoom({ host: `unix://${path}` });

    expect((await room.controller.authenticate(someClient(), NEVER)).status).toBe("success");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("An answer over the limit fails at once with the sizes, the next call works", async () => {
  await using backend = await application();
  const big = answers.command({ transmissions: ["z".repeat(600)] });
  await backend.script({ method: "Command", answers: [big, answers.command()] });
  await using room = await openRoom({ host: backend.host, maxRecvBytes: 500 });
  const perform = () => room.controller.perform(someClient(), CHAT, "", NEVER);

  expect(await perform()).toEqual({
    status: "error",
    error:
      "rpc error: code = ResourceExhausted desc = grpc: received message larger than max (605 vs. 500)",
  });
  expect((await perform()).status).toBe("success");
  expect(room.counts()).toMatchObject({ call: 2, retries: 0, error: 1 });
});

test("An answer of 4 MB is whole", async () => {
  await using backend = await application({
    channelOptions: { "grpc.max_send_message_length": -1 },
  });
  const text = "z".repeat(4_000_000);
  await backend.script({
    method: "Command",
    answers: [answers.command({ transmissions: [text] })],
  });
  await using room = await openRoom({ host: backend.host });

  const result = await room.controller.perform(someClient(), CHAT, "", NEVER);

  expect(result).toMatchObject({ effects: { transmissions: [text] } });
});

test("A request over the limit is not sent", async () => {
  await using backend = await application();
  await using room = await openRoom({ host: backend.host, maxSendBytes: 200 });

  const result = await room.controller.perform(someClient(), CHAT, "x".repeat(300), NEVER);

  await backend.settled();
  expect(result.status === "error" && result.error).toMatch(
    /trying to send message larger than max \(\d{3} vs\. 200\)/,
  );
  expect(backend.calls).toEqual([]);
});

test.each(["a\nb", "a\0b", "é", "\x7f"])(
  "A session id %j, which is no header value, fails its call only",
  async (sid) => {
    await using backend = await application();
    await using room = await openRoom({ host: backend.host });
    const connect = (id: string) => room.controller.authenticate(someClient({ sid: id }), NEVER);

    const [good, bad] = await Promise.all([connect("s1"), connect(sid)]);

    expect(good.status).toBe("success");
    expect(bad.status === "error" && bad.error).toContain("code = Internal");
    expect((await connect("s2")).status).toBe("success");
    expect(room.counts()).toMatchObject({ retries: 0, error: 1 });
  },
);

test("Text that has no UTF-8 form fails its call with Internal, unsent", async () => {
  await using backend = await application();
  await using room = await openRoom({ host: backend.host });
  const headers = { cookie: "a=\ud800" };
  const client = someClient({ env: { url: "http://localhost/", headers } });

  const result = await room.controller.authenticate(client, NEVER);

  await backend.settled();
  const text = "grpc: error while marshaling: string field contains invalid UTF-8";
  expect(result).toEqual({ status: "error", error: `rpc error: code = Internal desc = ${text}` });
  expect(backend.calls).toEqual([]);
});

test("The head of a request is as gRPC wants it, in order", async () => {
  const heads: (readonly string[])[] = [];
  const server = createServer();
  server.on("stream", (...[stream, , , raw]: StreamArguments) => {
    heads.push(raw);
    stream.respond(
      { ":status": 200, "content-type": "application/grpc", "grpc-status": "0" },
      { endStream: true },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  await using room = await openRoom({ host: `127.0.0.1:${port}` });

  await room.controller.authenticate(someClient(), NEVER);
  server.close();

  const [head = []] = heads;
  const pairs = head.flatMap((name, index) =>
    index % 2 === 0 ? [[name, head[index + 1]] as const] : [],
  );
  expect(pairs.filter(([name]) => name?.startsWith(":"))).toEqual([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/anycable.RPC/Connect"],
    [":authority", `127.0.0.1:${port}`],
  ]);
  expect(pairs.filter(([name]) => !name?.startsWith(":"))).toEqual([
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ["user-agent", "grpc-cableway/1"],
    ["grpc-timeout", "3000m"],
    ["sid", "s1"],
    ["protov", "v1"],
  ]);
});

test("The gauge of connections follows every ten seconds", async () => {
  const clock = new FakeClock();
  await using backend = await application();
  await using room = await openRoom({ host: backend.host }, clock);
  await room.controller.authenticate(someClient(), NEVER);

  clock.advance(9_999);
  expect(room.metrics.value("grpc_active_conn_num")).toBe(0);
  clock.advance(1);

  expect(room.metrics.value("grpc_active_conn_num")).toBe(1);
});
