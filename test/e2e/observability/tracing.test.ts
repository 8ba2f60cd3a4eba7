import { expect, setDefaultTimeout, test } from "bun:test";
import { Application } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { CHAT, startGrpcBackend } from "../../support/grpc-backend.ts";
import { jwt, signedStream } from "../../support/tokens.ts";
import { linesWith, refusalOf, welcomed, welcomedWithSid } from "../../support/welcomed.ts";
import { BASE, channel, EXT, perform, pubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const ABC = { headers: { "X-Request-ID": "abc" } };

test("observability#28 A request id is the session's id in calls over gRPC and HTTP and in the log", async () => {
  const backend = await startGrpcBackend();
  await using application = await Application.start();
  await using overGrpc = await Cableway.start([`--rpc_host=${backend.host}`, "--debug"]);
  await using overHttp = await Cableway.start([application.option, "--debug"]);

  for (const server of [overGrpc, overHttp]) {
    using client = await welcomed(server, ABC);
    await client.subscribe(CHAT);
    expect(linesWith(server, "DBG incoming message", "sid=abc")).toHaveLength(1);
  }

  await backend.called(2);
  await application.called("command");
  for (const { metadata } of backend.calls) {
    expect([metadata["sid"], metadata["protov"]]).toEqual(["abc", "v1"]);
  }
  for (const { headers } of application.calls) {
    const told = [headers["x-anycable-meta-sid"], headers["x-anycable-meta-protov"]];
    expect(told).toEqual(["abc", "v1"]);
  }
  await backend.stop();
});

test.concurrent("observability#29 Without a request id every session gets an id of 21 characters, the same everywhere", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start(["--noauth", application.option, "--debug"]);

  const first = await welcomedWithSid(server);
  const second = await welcomedWithSid(server);
  using client = first.client;
  using _other = second.client;
  await client.subscribe(channel("Chat"));

  expect(first.sid).toMatch(/^[A-Za-z0-9_-]{21}$/);
  expect(second.sid).not.toBe(first.sid);
  expect(application.calls[0]?.headers["x-anycable-meta-sid"]).toBe(first.sid);
  expect(linesWith(server, `sid=${first.sid}`)).not.toEqual([]);
  expect(client.response.headers.has("x-request-id")).toBe(false);
});

test.concurrent("Every line about a session names it, from its first to its last", async () => {
  await using application = await Application.start({ disconnect: () => ({ status: 2 }) });
  await using server = await Cableway.start([application.option, "--debug", "--public_streams"]);
  const startLines = server.log.split("\n").length;
  const client = await welcomed(server, ABC);
  await client.subscribe(channel("Chat"));
  await client.subscribe(pubsub("a"));
  client.send(perform(channel("Chat"), "{}"));
  client.send({ command: "whisper", identifier: channel("Chat"), data: 1 });
  client.send({ command: "unsubscribe", identifier: pubsub("a") });
  client.sendFrame("not json");
  client.send({ command: "foo" });
  client.send({ command: "unsubscribe", identifier: "unknown" });
  await server.logged("unknown command: foo");
  client.drop();
  await application.called("disconnect");
  await server.logged("WebSocket session completed");

  const lines = server.log.split("\n").slice(startLines - 1, -1);

  expect(lines.length).toBeGreaterThan(12);
  expect(lines.filter((line) => !/ sid=abc( |$)/.test(line))).toEqual([]);
  for (const operation of ["authenticate", "subscribe", "unsubscribe", "perform"]) {
    expect(server.log).toContain(` DBG controller ${operation} `);
  }
});

test.concurrent("A restored session has a new id, and the log tells the old one", async () => {
  const options = ["--public", "--norpc", "--broker=memory", "--debug"];
  await using server = await Cableway.start(options);
  const before = await welcomedWithSid(server, { subprotocol: EXT });
  await before.client.subscribe(pubsub("a"));
  before.client.drop();
  await server.logged("WebSocket session completed");

  using client = await server.connect({ subprotocol: EXT, path: `/cable?sid=${before.sid}` });
  const welcome = (await client.next()) as { readonly sid: string }; // compared below

  expect(welcome).toMatchObject({ type: "welcome", restored: true });
  expect(welcome.sid).not.toBe(before.sid);
  await server.logged("DBG session restored");
  const [line] = linesWith(server, "DBG session restored");
  expect(line).toContain(`sid=${welcome.sid} old_sid=${before.sid}`);
});

test.concurrent("Neither secrets nor tokens are logged, at no level, from start to end", async () => {
  const application = await Application.start();
  const keys = ["app", "jwt", "stream", "turbo", "key", "api", "rpc"];
  const secrets = keys.map((name) => `s3cret-${name}`);
  const [app, forJwt, forStreams, forTurbo, forBroadcasts, forApi, forRpc] = secrets;
  const options = [
    `--secret=${app} --jwt_secret=${forJwt} --streams_secret=${forStreams} --turbo_streams`,
    `--turbo_streams_secret=${forTurbo} --broadcast_key=${forBroadcasts} --api_secret=${forApi}`,
    `--http_rpc_secret=${forRpc} --debug ${application.option} --broker=memory`,
  ].flatMap((part) => part.split(" "));
  await using server = await Cableway.start(options);
  const token = jwt(forJwt ?? "", { ext: "me" });
  const expired = jwt(forJwt ?? "", { ext: "me", exp: 1 });
  const forged = jwt("other", { ext: "me" });

  const ways = (one: string) => [
    { path: `/cable?jid=${one}` },
    { headers: { "X-JID": one } },
    { subprotocol: `${BASE}, anycable-token.${one}` },
    { subprotocol: `anycable-token.${one}` },
    { subprotocol: "unknown", headers: { "x-jid": one } },
  ];
  for (const way of ways(token)) (await welcomed(server, way)).drop();
  for (const way of [...ways(expired), ...ways(forged)]) await refusalOf(server, way);
  using client = await welcomed(server, { ...ways(token)[0], subprotocol: EXT });
  await client.subscribe(channel("Chat", { secret: "not-ours" }));
  for (const bearer of [app, forBroadcasts, forApi]) {
    const headers = { Authorization: `Bearer ${bearer}` };
    const request = { method: "POST", body: '{"stream":"a","data":"1"}', headers };
    for (const path of ["/_broadcast", "/api/publish"]) await server.fetch(path, request);
  }
  await application[Symbol.asyncDispose](); // calls fail from now on
  using failing = await welcomed(server, ways(token)[1]);
  failing.send({ command: "subscribe", identifier: channel("Chat") });
  await server.logged("RPC failed");
  server.signal();
  await server.exited();

  expect(linesWith(server, "DBG").length).toBeGreaterThan(40);
  const signatures = [token, expired, forged].map((one) => one.split(".")[2] ?? "");
  const hidden = [...secrets, token, expired, forged, ...signatures];
  expect(hidden.flatMap((text) => linesWith(server, text))).toEqual([]);
});

test.concurrent("A stream's signature is shown to nobody but its client", async () => {
  await using server = await Cableway.start(["--noauth", "--norpc", "--streams_secret=k"]);
  using client = await welcomed(server);
  const signed = signedStream("other", "a");

  client.send({ command: "subscribe", identifier: JSON.stringify({ signed_stream_name: signed }) });
  await client.next();

  expect(linesWith(server, signed)).toEqual([]);
});
