import { expect, setDefaultTimeout, test } from "bun:test";
import { Application } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { jwt, signedStream } from "../../support/tokens.ts";
import {
  AUTH_FAILED,
  expectMetrics,
  expectRejected,
  refusalOf,
  welcomed,
  welcomedWithSid,
} from "../../support/welcomed.ts";
import { channel, EXT, pubsub, signedPubsub, UNAUTHORIZED } from "../../support/wire.ts";

setDefaultTimeout(20_000);

// Defects of the reference, spec "auth-streams", "[ref bug, security]": none of them is ours.

const REFUSED = { texts: [UNAUTHORIZED], close: AUTH_FAILED };

// Spec "auth-streams", 4.2: `"chat/2023"` signed with the empty key.
const FORGED = "ImNoYXQvMjAyMyI=--03f5fc02d1df23911d39c85d53c5109d96b4036ea81a5d868b4cfcf281dd2f50";

test.concurrent("auth-streams#14 Without a secret a name signed with the empty key is rejected", async () => {
  await using server = await Cableway.start(["--noauth", "--norpc"]);
  using client = await welcomed(server);

  await expectRejected(client, channel("$pubsub", { signed_stream_name: FORGED }));
});

test.concurrent("A secret that was taken away with `none` signs nothing, nor does the empty key", async () => {
  const none = ["--secret=s3Krit", "--streams_secret=none", "--jwt_secret=none"];
  await using streams = await Cableway.start(["--noauth", "--norpc", ...none]);
  await using server = await Cableway.start(["--secret=none", "--norpc"]);
  using client = await welcomed(streams);

  for (const key of ["", "none", "s3Krit"]) {
    await expectRejected(client, signedPubsub(key, "a"));
    const refusal = await refusalOf(server, { path: `/cable?jid=${jwt(key, { ext: "" })}` });
    expect([key, refusal]).toEqual([key, REFUSED]);
  }
});

test.concurrent("Turbo and CableReady without a secret verify nothing: the application decides", async () => {
  await using application = await Application.start();
  const options = ["--noauth", "--turbo_streams", "--cable_ready"];
  await using server = await Cableway.start([...options, application.option]);
  using client = await welcomed(server);
  const forged = signedStream("", "a");

  await client.subscribe(channel("Turbo::StreamsChannel", { signed_stream_name: forged }));
  await client.subscribe(channel("CableReady::Stream", { identifier: forged }));

  expect(application.named("command")).toHaveLength(2);
});

test.concurrent("auth-streams#25 The Pusher channel is rejected on the cable endpoint, without a call", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start(["--public", application.option]);
  using client = await welcomed(server);

  for (const stream of ["private-x", "presence-x", "open"]) {
    await expectRejected(client, channel("$pusher", { stream }));
  }

  expect(application.calls).toEqual([]);
});

test.concurrent("auth-streams#28 A quote in the request id leaves welcome and identifiers valid JSON", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start(["--noauth", application.option]);
  const arrival = { headers: { "X-Request-ID": 'a"b' } };

  using client = await server.connect(arrival);
  expect(await client.next()).toEqual({ type: "welcome", sid: 'a"b' });

  await client.subscribe(channel("Chat"));
  const { connection_identifiers: identifiers = "" } = application.calls[0]?.request ?? {};
  expect(JSON.parse(identifiers)).toEqual({ sid: 'a"b' });
});

test.concurrent("A request id of backslashes, markup and blanks harms neither frames nor the log", async () => {
  await using server = await Cableway.start(["--public", "--norpc", "--debug"]);
  const sid = '\\"},{"type":"x</script> nodeid=forged';

  using client = await server.connect({ headers: { "X-Request-ID": sid } });

  expect(await client.next()).toEqual({ type: "welcome", sid });
  await server.logged(`sid=${JSON.stringify(sid)}`);
});

test.concurrent("A session id of a client that was refused brings nothing back", async () => {
  await using server = await Cableway.start(["--jwt_secret=k", "--norpc", "--broker=memory"]);
  const extended = { subprotocol: EXT };

  const first = { ...extended, headers: { "X-Request-ID": "foo" } };
  expect(await refusalOf(server, first)).toEqual(REFUSED);

  const ways = [
    { path: "/cable?sid=foo" },
    { headers: { "X-ANYCABLE-RESTORE-SID": "foo" } },
    { path: "/cable?sid=__proto__" },
  ];
  for (const way of ways) expect(await refusalOf(server, { ...extended, ...way })).toEqual(REFUSED);
  await expectMetrics(server, { failed_auths_total: 4 });
});

test.concurrent("A client that was disconnected for good cannot bring its session back", async () => {
  await using server = await Cableway.start(["--jwt_secret=k", "--norpc", "--broker=memory"]);
  const path = `/cable?jid=${jwt("k", { ext: "me" })}`;
  const { client, sid } = await welcomedWithSid(server, { path, subprotocol: EXT });
  using _client = client;

  await server.disconnect("me", false);
  expect(await client.closed()).toEqual({ code: 1000, reason: "Closed remotely" });

  const back = { path: `/cable?sid=${sid}`, subprotocol: EXT };
  expect(await refusalOf(server, back)).toEqual(REFUSED);
});

test.concurrent("Two clients with one request id are two sessions: each gets its own messages and its own end", async () => {
  await using server = await Cableway.start(["--public", "--norpc"]);
  const arrival = { headers: { "X-Request-ID": "same" } };
  const first = await welcomedWithSid(server, arrival);
  const second = await welcomedWithSid(server, arrival);
  using remaining = first.client;

  expect(first.sid).toBe("same");
  expect(second.sid).toMatch(/^same-.+$/);
  await remaining.subscribe(pubsub("a"));
  second.client.drop();
  await server.publish("a", 1);

  expect(await remaining.next()).toEqual({ identifier: pubsub("a"), message: 1 });
});
