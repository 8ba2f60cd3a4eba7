import { expect, setDefaultTimeout, test } from "bun:test";
import { Application, type ApplicationRequest, accepted } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { jwt, unixSeconds } from "../../support/tokens.ts";
import {
  channel,
  confirmed,
  EXT,
  PONG,
  perform,
  pubsub,
  UNAUTHORIZED,
} from "../../support/wire.ts";

setDefaultTimeout(20_000);

const CHAT = channel("Chat");

interface Welcome {
  readonly type: "welcome";
  readonly sid: string;
  readonly restored?: boolean;
  readonly restored_ids?: readonly string[];
}

/** Streams and state come with the subscription; an action tells the state it finds. */
function chat(request: ApplicationRequest) {
  const { env } = request;
  if (request.command !== "subscribe") {
    return { status: 1, transmissions: [JSON.stringify([env.cstate, env.istate])] };
  }
  return accepted(request, {
    streams: ["room"],
    env: { istate: { k: "v" }, cstate: { c: "1" } },
  });
}

function startChat(): Promise<Application> {
  return Application.start({
    command: chat,
    connect: (_request, { headers }) => {
      const sid = headers["x-anycable-meta-sid"];
      const transmissions = [JSON.stringify({ type: "welcome", sid })];
      return { status: 1, identifiers: "me", transmissions };
    },
  });
}

test.concurrent("protocol#32 A lost session of the extended protocol comes back with its streams and state and asks nobody", async () => {
  await using application = await startChat();
  await using server = await Cableway.start([application.option, "--broker=memory"]);
  using lost = await server.connect({ subprotocol: EXT });
  const { sid } = (await lost.next()) as Welcome;
  lost.send({ command: "subscribe", identifier: CHAT });
  expect(await lost.nextText()).toBe(confirmed(CHAT));
  lost.drop();
  await application.called("disconnect");

  using found = await server.connect({ subprotocol: EXT, path: `/cable?sid=nope&sid=${sid}` });
  const welcome = (await found.next()) as Welcome;
  expect(Object.keys(welcome)).toEqual(["type", "sid", "restored", "restored_ids"]);
  expect(welcome).toMatchObject({ type: "welcome", restored: true, restored_ids: [CHAT] });
  expect(welcome.sid).not.toBe(sid);
  expect(application.calls.map(({ name }) => name)).toEqual(["connect", "command", "disconnect"]);

  await server.publish("room", 2);
  expect(await found.next()).toMatchObject({ identifier: CHAT, message: 2 });
  found.send(perform(CHAT, "{}"));
  expect(await found.next()).toEqual([{ c: "1" }, { k: "v" }]);
  expect(application.named("command")[1]?.request.connection_identifiers).toBe("me");
});

test.concurrent("protocol#32 The header wins over the query, and an identifier that was restored cannot be subscribed again", async () => {
  await using server = await Cableway.start(["--public", "--broker=memory"]);
  using lost = await server.connect({ subprotocol: EXT });
  const { sid } = (await lost.next()) as Welcome;
  await lost.subscribe(pubsub("news"));
  lost.drop();

  const headers = { "X-ANYCABLE-RESTORE-SID": sid };
  using found = await server.connect({ subprotocol: EXT, path: "/cable?sid=nope", headers });
  expect(await found.next()).toMatchObject({ restored: true, restored_ids: [pubsub("news")] });
  found.send({ command: "subscribe", identifier: pubsub("news") });
  found.send({ command: "ping" });

  expect(await found.nextText()).toBe(PONG);
  expect(await server.metric("failed_client_msg_total")).toBe(1);
});

test.concurrent("protocol#32 A base client and one with an unknown sid start over", async () => {
  await using application = await startChat();
  await using server = await Cableway.start([application.option, "--broker=memory"]);
  using lost = await server.connect({ subprotocol: EXT });
  const { sid } = (await lost.next()) as Welcome;
  lost.drop();

  using base = await server.connect({ path: `/cable?sid=${sid}` });
  using stranger = await server.connect({ subprotocol: EXT, path: "/cable?sid=unknown" });

  for (const client of [base, stranger]) expect(await client.next()).not.toHaveProperty("restored");
  expect(application.named("connect")).toHaveLength(3);
});

test.concurrent("A session comes back without its credentials; what it had unsubscribed stays gone", async () => {
  await using server = await Cableway.start([
    "--norpc",
    "--jwt_secret=k",
    "--public_streams",
    "--broker=memory",
  ]);
  const token = jwt("k", { ext: "me", exp: unixSeconds(60) });
  using lost = await server.connect({ subprotocol: EXT, path: `/cable?jid=${token}` });
  const { sid } = (await lost.next()) as Welcome;
  await lost.subscribe(pubsub("a"));
  await lost.subscribe(pubsub("b"));
  lost.send({ command: "unsubscribe", identifier: pubsub("b") });
  lost.send({ command: "ping" });
  expect(await lost.nextText()).toBe(PONG);
  lost.drop();

  const expired = jwt("k", { ext: "me", exp: 1 });
  using found = await server.connect({
    subprotocol: EXT,
    path: `/cable?sid=${sid}&jid=${expired}`,
  });

  expect(await found.next()).toMatchObject({ restored: true, restored_ids: [pubsub("a")] });
});

test.concurrent("Without a broker, without a TTL, and for base sessions nothing is kept", async () => {
  await using legacy = await Cableway.start(["--public"]);
  await using forgetful = await Cableway.start(["--public", "--broker=memory", "--sessions_ttl=0"]);
  await using keeping = await Cableway.start(["--public", "--broker=memory"]);

  for (const [server, subprotocol] of [
    [legacy, EXT],
    [forgetful, EXT],
    [keeping, "actioncable-v1-json"],
  ] as const) {
    using lost = await server.connect({ subprotocol });
    const { sid } = (await lost.next()) as Welcome;
    lost.drop();
    using again = await server.connect({ subprotocol: EXT, path: `/cable?sid=${sid}` });
    expect(await again.next()).not.toHaveProperty("restored");
  }
});

test.concurrent("A session is kept as long as it is connected and for the TTL after that", async () => {
  await using server = await Cableway.start(["--public", "--broker=memory", "--sessions_ttl=1"]);
  using lost = await server.connect({ subprotocol: EXT });
  const { sid } = (await lost.next()) as Welcome;

  expect(await lost.within(3200)).toEqual([]);
  lost.drop();
  using found = await server.connect({ subprotocol: EXT, path: `/cable?sid=${sid}` });
  const welcome = (await found.next()) as Welcome;
  expect(welcome.restored).toBe(true);
  found.drop();
  await Bun.sleep(3000);

  using late = await server.connect({ subprotocol: EXT, path: `/cable?sid=${welcome.sid}` });
  expect(await late.next()).not.toHaveProperty("restored");
});

test.concurrent("protocol#43 Q20 Who was sent away for good cannot come back under the old sid; who may reconnect can", async () => {
  await using server = await Cableway.start([
    "--norpc",
    "--jwt_secret=k",
    "--secret=",
    "--broker=memory",
  ]);
  const sids: string[] = [];
  for (const [ext, reconnect] of [
    ["banned", false],
    ["moved", true],
  ] as const) {
    using client = await server.connect({
      subprotocol: EXT,
      path: `/cable?jid=${jwt("k", { ext })}`,
    });
    sids.push(((await client.next()) as Welcome).sid);
    await server.disconnect(ext, reconnect);
    expect(await client.next()).toEqual({ type: "disconnect", reason: "remote", reconnect });
    await client.closed();
  }

  using banned = await server.connect({ subprotocol: EXT, path: `/cable?sid=${sids[0]}` });
  using moved = await server.connect({ subprotocol: EXT, path: `/cable?sid=${sids[1]}` });

  expect(await banned.nextText()).toBe(UNAUTHORIZED);
  expect(await banned.closed()).toEqual({ code: 1000, reason: "Auth Failed" });
  expect(await moved.next()).toMatchObject({ type: "welcome", restored: true });
});

test.concurrent("Who is off the network while sent away for good has to authenticate on return", async () => {
  await using server = await Cableway.start(["--norpc", "--jwt_secret=k", "--broker=memory"]);
  const path = `/cable?jid=${jwt("k", { ext: "banned" })}`;
  const client = await server.connect({ subprotocol: EXT, path });
  const { sid } = (await client.next()) as Welcome;
  client.drop();
  await server.metricReaches("clients_num", 0);

  await server.disconnect("banned", false);

  using back = await server.connect({ subprotocol: EXT, path: `/cable?sid=${sid}` });
  expect(await back.nextText()).toBe(UNAUTHORIZED);
});

test.concurrent("Who was sent away for good cannot come back under any sid of its line of restored sessions", async () => {
  await using server = await Cableway.start(["--norpc", "--jwt_secret=k", "--broker=memory"]);
  const first = await server.connect({
    subprotocol: EXT,
    path: `/cable?jid=${jwt("k", { ext: "banned" })}`,
  });
  const sids = [((await first.next()) as Welcome).sid];
  first.drop();
  for (let n = 0; n < 2; n += 1) {
    const again = await server.connect({ subprotocol: EXT, path: `/cable?sid=${sids.at(-1)}` });
    const welcome = (await again.next()) as Welcome;
    expect(welcome).toMatchObject({ restored: true });
    sids.push(welcome.sid);
    if (n === 0) again.drop();
  }

  await server.disconnect("banned", false);

  for (const sid of sids) {
    using back = await server.connect({ subprotocol: EXT, path: `/cable?sid=${sid}` });
    expect(await back.nextText()).toBe(UNAUTHORIZED);
  }
});
