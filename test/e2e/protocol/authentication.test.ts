import { expect, setDefaultTimeout, test } from "bun:test";
import { Application, accepted, IDENTIFIED } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { jwt, unixSeconds } from "../../support/tokens.ts";
import { channel, confirmed, EXPIRED, EXT, UNAUTHORIZED } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const AUTH_FAILED = { code: 1000, reason: "Auth Failed" };
const AUTH_ERROR = { code: 1011, reason: "Auth Error" };

test.concurrent("protocol#12 Without an application and a token a client is told and sent away", async () => {
  await using server = await Cableway.start(["--norpc"]);

  using client = await server.connect();

  expect(await client.nextText()).toBe(UNAUTHORIZED);
  expect(await client.closed()).toEqual(AUTH_FAILED);
  expect(await server.metric("failed_auths_total")).toBe(1);
});

test.concurrent("protocol#13 A client with an expired token is told so; a bad one is unauthorized", async () => {
  await using server = await Cableway.start(["--norpc", "--jwt_secret=k"]);
  const expired = jwt("k", { ext: "me", exp: unixSeconds(-10) });
  const forged = jwt("other", { ext: "me", exp: unixSeconds(-10) });

  using late = await server.connect({ path: `/cable?jid=${expired}` });
  expect(await late.nextText()).toBe(EXPIRED);
  expect(await late.closed()).toEqual(AUTH_FAILED);

  using liar = await server.connect({ path: `/cable?jid=${forged}` });
  expect(await liar.nextText()).toBe(UNAUTHORIZED);
  expect(await liar.closed()).toEqual(AUTH_FAILED);
});

test.concurrent("protocol#14 A Connect that ends in ERROR shows as a bare close 1011", async () => {
  const connect = () => ({ status: 0, error_msg: "boom", transmissions: ["secret"] });
  await using application = await Application.start({ connect });
  await using server = await Cableway.start([application.option]);

  using client = await server.connect({ path: "/cable?pi=0" });

  const frame = await client.nextFrame();
  expect([frame.opcode, frame.payload.readUInt16BE(0)]).toEqual([8, AUTH_ERROR.code]);
  expect(frame.payload.subarray(2).toString()).toBe(AUTH_ERROR.reason);
  await client.ended();
  await server.logged("WebSocket session failed");
});

test.concurrent("A valid token without ext is an error, not a rejection", async () => {
  await using server = await Cableway.start(["--norpc", "--jwt_secret=k"]);

  using client = await server.connect({ path: `/cable?pi=0&jid=${jwt("k", { sub: "me" })}` });

  expect((await client.nextFrame()).opcode).toBe(8);
});

test.concurrent("protocol#15 Server invents no welcome: a Connect without transmissions leaves a silent open session", async () => {
  const connect = () => ({ status: 1, identifiers: "me" });
  await using application = await Application.start({ connect });
  await using server = await Cableway.start([application.option]);

  using client = await server.connect();
  client.send({ command: "ping" });

  expect(await client.next()).toEqual({ type: "pong" });
  expect(await client.within(300)).toEqual([]);
  expect(client.isOpen).toBe(true);
});

test.concurrent("A rejected client gets the application's words as they are and causes no Disconnect call", async () => {
  const words = ['{"a" : 1}', "not json"];
  const connect = () => ({ status: 2, transmissions: words });
  await using application = await Application.start({ connect });
  await using server = await Cableway.start([application.option, "--disconnect_mode=always"]);

  using client = await server.connect();

  expect([await client.nextText(), await client.nextText()]).toEqual(words);
  expect(await client.closed()).toEqual(AUTH_FAILED);
  expect(await server.metric("failed_auths_total")).toBe(1);
  server.signal();
  await server.exited();
  expect(application.named("disconnect")).toEqual([]);
});

test.concurrent("Transmissions are sent byte for byte, in order, as text frames", async () => {
  const transmissions = ['{ "type" : "welcome" }', "<b>&", '{"a":12345678901234567890}', "é\u2028"];
  const connect = () => ({ status: 1, identifiers: "me", transmissions });
  await using application = await Application.start({ connect });
  await using server = await Cableway.start([application.option]);

  using client = await server.connect({ path: "/cable?pi=0" });

  for (const text of transmissions) {
    const frame = await client.nextFrame();
    expect([frame.opcode, frame.isFinal, frame.payload.toString()]).toEqual([1, true, text]);
  }
});

test.concurrent("protocol#22 Commands sent before Connect has ended run after the welcome, in order, one by one", async () => {
  const connected = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  await using application = await Application.start({
    connect: () => connected.promise.then(() => IDENTIFIED),
    command: async (request) => {
      if (request.identifier === channel("A")) await first.promise;
      return accepted(request);
    },
  });
  await using server = await Cableway.start([application.option]);

  using client = await server.connect();
  client.send({ command: "subscribe", identifier: channel("A") });
  client.send({ command: "subscribe", identifier: channel("B") });
  await application.called("connect");
  connected.resolve();
  expect(await client.next()).toEqual({ type: "welcome" });
  await application.called("command");
  expect(await client.within(200)).toEqual([]);
  first.resolve();

  expect(await client.nextText()).toBe(confirmed(channel("A")));
  expect(await client.nextText()).toBe(confirmed(channel("B")));
  const [one, two] = application.named("command");
  expect(one?.request.identifier).toBe(channel("A"));
  expect(two?.startedAt).toBeGreaterThan(one?.endedAt ?? Number.NaN);
});

test.concurrent("A broadcast and a ping pass a session whose command is still running", async () => {
  const held = Promise.withResolvers<void>();
  await using application = await Application.start({
    command: async (request) => {
      if (request.identifier === channel("Slow")) await held.promise;
      return accepted(request, { streams: ["news"] });
    },
  });
  await using server = await Cableway.start([application.option]);
  using client = await server.connect({ path: "/cable?pi=1" });
  await client.next();
  client.send({ command: "subscribe", identifier: channel("Fast") });
  await client.next();

  client.send({ command: "subscribe", identifier: channel("Slow") });
  await application.called("command", 2);
  await server.publish("news", 7);

  expect(await client.next()).toEqual({ identifier: channel("Fast"), message: 7 });
  expect(await client.nextPing()).toStartWith('{"type":"ping"');
  held.resolve();
  expect(await client.nextText()).toBe(confirmed(channel("Slow")));
});

test.concurrent("protocol#33 Q6 A rejected session cannot be restored under the sid it had chosen", async () => {
  const connect = () => ({ status: 2, transmissions: [UNAUTHORIZED] });
  await using application = await Application.start({ connect });
  await using server = await Cableway.start([application.option, "--broker=memory"]);

  using rejected = await server.connect({ subprotocol: EXT, headers: { "X-Request-ID": "z" } });
  expect(await rejected.nextText()).toBe(UNAUTHORIZED);
  expect(await rejected.closed()).toEqual(AUTH_FAILED);

  using again = await server.connect({ subprotocol: EXT, path: "/cable?sid=z" });
  expect(await again.nextText()).toBe(UNAUTHORIZED);
  expect(await again.closed()).toEqual(AUTH_FAILED);
  expect(application.named("connect")).toHaveLength(2);
});
