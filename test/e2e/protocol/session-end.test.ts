import { expect, setDefaultTimeout, test } from "bun:test";
import { Application, IDENTIFIED } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { jwt } from "../../support/tokens.ts";
import { OPCODES } from "../../support/web-socket-frames.ts";
import { channel, confirmed, pubsub, rejected, signedPubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const REMOTE = '{"type":"disconnect","reason":"remote","reconnect":true}';
/** A debug line: a session has left the hub. */
const UNREGISTERED = "DBG unregistered";
const CLOSED_REMOTELY = { code: 1000, reason: "Closed remotely" };

function tokenPath(ext: string): string {
  return `/cable?jid=${jwt("k", { ext })}`;
}

test.concurrent("protocol#34 Q2 A remote disconnect reaches every session of the identifiers and no other", async () => {
  await using server = await Cableway.start(["--norpc", "--jwt_secret=k"]);
  const clones = [];
  for (let n = 0; n < 3; n += 1) clones.push(await server.connect({ path: tokenPath("u1") }));
  using other = await server.connect({ path: tokenPath("u11") });
  await Promise.all([...clones, other].map((client) => client.next()));

  await server.disconnect("u1", true);

  for (const clone of clones) {
    expect(await clone.nextText()).toBe(REMOTE);
    expect(await clone.closed()).toEqual(CLOSED_REMOTELY);
    await clone.ended();
  }
  expect(await other.within(300)).toEqual([]);
  expect(await server.metric("remote_commands_total")).toBe(1);
});

test.concurrent("A client that was not to come back is told so; nobody minds identifiers nobody has", async () => {
  await using server = await Cableway.start(["--norpc", "--jwt_secret=k"]);
  using client = await server.connect({ path: tokenPath("u1") });
  await client.next();

  await server.disconnect("nobody");
  await server.disconnect("u1");

  expect(await client.next()).toEqual({ type: "disconnect", reason: "remote", reconnect: false });
});

test.concurrent("protocol#35 A session of a token causes a Disconnect call once it has used a channel of the application", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start([
    application.option,
    "--jwt_secret=k",
    "--public_streams",
  ]);
  using streaming = await server.connect({ path: tokenPath("streaming") });
  await streaming.next();
  await streaming.subscribe(pubsub("news"));
  using chatting = await server.connect({ path: tokenPath("chatting") });
  await chatting.next();
  await chatting.subscribe(pubsub("news"));
  chatting.send({ command: "subscribe", identifier: channel("Chat") });
  expect(await chatting.nextText()).toBe(confirmed(channel("Chat")));

  streaming.drop();
  chatting.drop();
  await application.called("disconnect");
  server.signal();
  await server.exited();

  const calls = application.named("disconnect").map(({ request }) => request);
  expect(calls.map(({ identifiers }) => identifiers)).toEqual(["chatting"]);
  expect(calls[0]?.subscriptions?.toSorted()).toEqual([channel("Chat"), pubsub("news")].toSorted());
});

test.concurrent("Q8 A rejected subscription to a signed stream causes no Disconnect call, one rejected by the application does", async () => {
  const command = () => ({ status: 2, transmissions: ["no"] });
  await using application = await Application.start({ command });
  await using server = await Cableway.start([
    application.option,
    "--jwt_secret=k",
    "--streams_secret=s",
  ]);
  const forged = signedPubsub("other", "news");
  using liar = await server.connect({ path: tokenPath("liar") });
  await liar.next();
  liar.send({ command: "subscribe", identifier: forged });
  expect(JSON.parse(await liar.nextText())).toEqual(JSON.parse(rejected(forged)));
  using refused = await server.connect({ path: tokenPath("refused") });
  await refused.next();
  refused.send({ command: "subscribe", identifier: channel("Chat") });
  expect(await refused.nextText()).toBe("no");

  liar.drop();
  refused.drop();
  await application.called("disconnect");
  server.signal();
  await server.exited();

  const calls = application.named("disconnect").map(({ request }) => request.identifiers);
  expect(calls).toEqual(["refused"]);
});

test.concurrent("Modes always and never hold for every session, and an unknown mode is never", async () => {
  const modes = [
    ["--disconnect_mode=always", ["me", "token"]],
    ["--disconnect_mode=never", []],
    ["--disable_disconnect", []],
    ["--disconnect_mode=zzz", []],
    ["--disconnect_mode=auto", ["me"]],
  ] as const;

  for (const [option, expected] of modes) {
    await using application = await Application.start();
    const options = [application.option, "--jwt_secret=k", "--debug", option];
    await using server = await Cableway.start(options);
    using token = await server.connect({ path: tokenPath("token") });
    using asked = await server.connect();
    await Promise.all([token.next(), asked.next()]);
    token.drop();
    asked.drop();
    await server.loggedTimes(UNREGISTERED, 2);
    server.signal();
    await server.exited();
    const calls = application.named("disconnect").map(({ request }) => request.identifiers);
    expect([option, calls.toSorted()]).toEqual([option, [...expected]]);
  }
});

test.concurrent("protocol#45 Q23 Of two clients with one session id the second works on when the first has left", async () => {
  const options = ["--norpc", "--jwt_secret=k", "--public_streams", "--debug"];
  await using server = await Cableway.start(options);
  const headers = { "X-Request-ID": "twin" };
  using first = await server.connect({ path: tokenPath("u1"), headers });
  using second = await server.connect({ path: tokenPath("u1"), headers });
  await Promise.all([first.next(), second.next()]);
  await first.subscribe(pubsub("news"));
  await second.subscribe(pubsub("news"));

  first.drop();
  await server.loggedTimes(UNREGISTERED, 1);
  await server.publish("news", 1);
  expect(await second.next()).toEqual({ identifier: pubsub("news"), message: 1 });
  await server.disconnect("u1", true);

  expect(await second.nextText()).toBe(REMOTE);
  expect(await second.closed()).toEqual(CLOSED_REMOTELY);
});

test.concurrent("Q23 The second client of a session id is given another one, and the log says so", async () => {
  await using server = await Cableway.start(["--public"]);
  const headers = { "X-Request-ID": "twin" };
  using first = await server.connect({ headers });
  expect(await first.next()).toEqual({ type: "welcome", sid: "twin" });

  using second = await server.connect({ headers });

  const sid = expect.stringMatching(/^twin-.+/);
  expect(await second.next()).toEqual({ type: "welcome", sid });
  await server.logged(/WRN .*twin/);
});

test.concurrent("protocol#41 Q18 Disconnect calls that wait for their turn are all made at shutdown, the next one too", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start([application.option, "--disconnect_rate=1", "--debug"]);
  const clients = [];
  for (let n = 0; n < 6; n += 1) clients.push(await server.connect());
  await Promise.all(clients.map((client) => client.next()));
  for (const client of clients) client.drop();
  await server.loggedTimes(UNREGISTERED, 6);

  const start = performance.now();
  server.signal();

  expect(await server.exited()).toBe(0);
  expect(performance.now() - start).toBeLessThan(3000);
  expect(application.named("disconnect")).toHaveLength(6);
});

test.concurrent("A client that leaves while its Connect runs is connected first and disconnected then", async () => {
  const held = Promise.withResolvers<void>();
  const connect = () => held.promise.then(() => IDENTIFIED);
  await using application = await Application.start({ connect });
  await using server = await Cableway.start([application.option]);
  using client = await server.connect();
  await application.called("connect");

  client.drop();
  await Bun.sleep(200);
  expect(application.named("disconnect")).toEqual([]);
  held.resolve();

  await application.called("disconnect");
  expect(application.named("disconnect")[0]?.request.identifiers).toBe("me");
});

test.concurrent("A client's close is echoed with its code, without one with an empty payload, and TCP follows", async () => {
  await using server = await Cableway.start(["--public"]);

  for (const code of [1000, 1001, 4001, undefined]) {
    using client = await server.connect({ path: "/cable?pi=0" });
    await client.nextFrame();
    client.sendClose(code, code === undefined ? "" : "bye");
    const { opcode, payload } = await client.nextFrame();
    const echoed = payload.length < 2 ? undefined : payload.readUInt16BE(0);
    expect([code, opcode, echoed]).toEqual([code, OPCODES.close, code]);
    await client.ended();
  }
});
