import { expect, setDefaultTimeout, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Application } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { signedStream } from "../../support/tokens.ts";
import { expectMetrics, expectRejected, expectSilence, welcomed } from "../../support/welcomed.ts";
import { channel, perform, pubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

// Spec "auth-streams", 4.2: `"chat:2021"` signed with `s3Krit`.
const CHAT_2021 =
  "ImNoYXQ6MjAyMSI=--f9ee45dbccb1da04d8ceb99cc820207804370ba0d06b46fc3b8b373af1315628";
const SIGNED_CHAT = channel("$pubsub", { signed_stream_name: CHAT_2021 });

function turbo(signed: string, params: Readonly<Record<string, unknown>> = {}): string {
  return channel("Turbo::StreamsChannel", { signed_stream_name: signed, ...params });
}

test.concurrent("auth-streams#15 An unsigned name is rejected where streams are not public, without a call", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start(["--noauth", application.option]);
  using client = await welcomed(server);

  client.send({ command: "subscribe", identifier: '{"channel":"$pubsub","stream_name":"a"}' });

  expect(await client.nextText()).toBe(
    '{"type":"reject_subscription","identifier":"{\\"channel\\":\\"$pubsub\\",\\"stream_name\\":\\"a\\"}"}',
  );
  expect(application.calls).toEqual([]);
  await expectMetrics(server, { failed_client_msg_total: 0 });
});

test.concurrent("auth-streams#16 A public stream may be whispered to and has presence, whatever the flags say", async () => {
  await using application = await Application.start();
  const options = ["--noauth", "--public_streams", "--streams_presence=false"];
  await using server = await Cableway.start([...options, application.option]);
  using client = await welcomed(server);

  const identifier = await client.subscribe(pubsub("a"));

  client.send(perform(identifier, "{}"));
  await application.called("command");
  expect(application.calls[0]?.request.env.istate).toEqual({ $w: "a", $p: "a" });
});

test.concurrent("auth-streams#17 A signed stream has presence, and whispers only with --streams_whisper", async () => {
  await using application = await Application.start();
  const common = ["--noauth", "--secret=s3Krit", "--broker=memory", application.option];
  await using usual = await Cableway.start(common);
  await using whispering = await Cableway.start([...common, "--streams_whisper"]);
  const whisper = { command: "whisper", identifier: SIGNED_CHAT, data: { n: 1 } };

  using client = await welcomed(usual);
  using other = await welcomed(usual);
  await client.subscribe(SIGNED_CHAT);
  await other.subscribe(SIGNED_CHAT);
  client.send(whisper);
  client.send({ command: "join", identifier: SIGNED_CHAT, presence: { id: "7", info: 1 } });
  const join = { id: "7", info: 1, type: "join" };
  const event = { type: "presence", identifier: SIGNED_CHAT, message: join };
  expect([await client.next(), await other.next()]).toEqual([event, event]);
  client.send(perform(SIGNED_CHAT, "{}"));
  await application.called("command");
  expect(application.calls.at(-1)?.request.env.istate).toEqual({ $p: "chat:2021" });

  using speaker = await welcomed(whispering);
  using listener = await welcomed(whispering);
  await speaker.subscribe(SIGNED_CHAT);
  await listener.subscribe(SIGNED_CHAT);
  speaker.send(whisper);
  expect(await listener.next()).toEqual({ identifier: SIGNED_CHAT, message: { n: 1 } });
  await expectSilence(speaker);
});

test.concurrent("A signed stream has no presence with --streams_presence=false", async () => {
  const options = ["--noauth", "--norpc", "--secret=s3Krit", "--streams_presence=false"];
  await using server = await Cableway.start([...options, "--broker=memory"]);
  using client = await welcomed(server);
  await client.subscribe(SIGNED_CHAT);

  client.send({ command: "join", identifier: SIGNED_CHAT, presence: { id: "7" } });

  await expectSilence(client);
  await expectMetrics(server, { failed_client_msg_total: 1 });
  await server.logged("presence stream not found for identifier");
});

test.concurrent("auth-streams#18 auth-streams#19 The signed name decides, and a bad one never falls back", async () => {
  const options = ["--noauth", "--norpc", "--streams_secret=k"];
  await using server = await Cableway.start([...options, "--public_streams"]);
  using client = await welcomed(server);
  const both = pubsub("b", { signed_stream_name: signedStream("k", "a") });
  const forged = pubsub("c", { signed_stream_name: signedStream("other", "c") });

  await client.subscribe(both);
  await expectRejected(client, forged);
  for (const stream of ["b", "c", "a"]) await server.publish(stream, { stream });

  expect(await client.next()).toEqual({ identifier: both, message: { stream: "a" } });
  await expectSilence(client);
});

test.concurrent("auth-streams#20 A Turbo secret alone leaves the channel to the application", async () => {
  await using application = await Application.start();
  const options = ["--noauth", "--turbo_streams_secret=k"];
  await using server = await Cableway.start([...options, application.option]);
  using client = await welcomed(server);

  const identifier = turbo(signedStream("k", "a"));
  client.send({ command: "subscribe", identifier });

  await application.called("command");
  expect(application.calls[0]?.request).toMatchObject({ command: "subscribe", identifier });
});

test.concurrent("With --turbo_streams, names signed with the Turbo secret are subscribed without a call", async () => {
  await using application = await Application.start();
  const secrets = ["--streams_secret=app", "--turbo_streams_secret=k", "--turbo_streams"];
  await using server = await Cableway.start(["--public", ...secrets, application.option]);
  using client = await welcomed(server);

  const identifier = await client.subscribe(turbo(signedStream("k", "a"), { "data-id": 1 }));
  await expectRejected(client, turbo(signedStream("app", "a")));
  await expectRejected(client, channel("Turbo::StreamsChannel", { stream_name: "a" }));
  await server.publish("a", "<turbo-stream></turbo-stream>");

  expect(await client.next()).toEqual({ identifier, message: "<turbo-stream></turbo-stream>" });
  expect(application.calls).toEqual([]);
});

test.concurrent("auth-streams#21 The old Turbo key switches Turbo on and prints that it is old", async () => {
  await using application = await Application.start();
  const options = ["--noauth", "--turbo_rails_key=s3Krit"];
  await using server = await Cableway.start([...options, application.option]);
  using client = await welcomed(server);

  await client.subscribe(turbo(CHAT_2021));

  expect(application.calls).toEqual([]);
  expect(server.log).toContain("DEPRECATION WARNING: turbo_rails_key option is deprecated\n");
});

test.concurrent("auth-streams#22 CableReady streams are signed in `identifier` and nowhere else", async () => {
  await using application = await Application.start();
  const options = ["--noauth", "--secret=s3Krit", "--cable_ready", "--broadcast_key=none"];
  await using server = await Cableway.start([...options, application.option]);
  using client = await welcomed(server);
  const identifier = JSON.stringify({ channel: "CableReady::Stream", identifier: CHAT_2021 });

  await client.subscribe(identifier);
  await expectRejected(client, channel("CableReady::Stream", { signed_stream_name: CHAT_2021 }));
  await server.publish("chat:2021", { n: 1 });

  expect(await client.next()).toEqual({ identifier, message: { n: 1 } });
  expect(application.calls).toEqual([]);
});

test.concurrent("auth-streams#24 An action on a local stream goes to the application, or is a warning without one", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start(["--public", application.option]);
  await using lonely = await Cableway.start(["--public", "--norpc"]);
  using client = await welcomed(server);
  using alone = await welcomed(lonely);
  const identifier = await client.subscribe(pubsub("a"));
  await alone.subscribe(identifier);

  client.send(perform(identifier, '{"action":"hi"}'));
  alone.send(perform(identifier, '{"action":"hi"}'));

  await application.called("command");
  expect(application.calls.map(({ request }) => [request.command, request.data])).toEqual([
    ["message", '{"action":"hi"}'],
  ]);
  await expectSilence(alone);
  await lonely.logged(/WRN failed to handle incoming message .*not implemented/);
  await expectMetrics(lonely, { failed_client_msg_total: 1 });
});

test.concurrent("auth-streams#26 Unsubscribing is not answered and takes a joined presence away at once", async () => {
  await using server = await Cableway.start(["--public", "--norpc", "--broker=memory"]);
  using client = await welcomed(server);
  using other = await welcomed(server);
  const identifier = await client.subscribe(pubsub("a"));
  await other.subscribe(identifier);
  client.send({ command: "join", identifier, presence: { id: "7", info: "me" } });
  await client.next();
  await other.next();

  client.send({ command: "unsubscribe", identifier });

  const message = { id: "7", type: "leave" };
  expect(await other.next(2000)).toEqual({ type: "presence", identifier, message });
  await server.publish("a", 1);
  await other.next();
  await expectSilence(client);
  await expectMetrics(server, { failed_client_msg_total: 0 });
});

test.concurrent("auth-streams#27 An identifier comes back as the same string, whatever is in it", async () => {
  await using server = await Cableway.start(["--public", "--norpc"]);
  using client = await welcomed(server);
  const names = ["a&b", "<x>", "кот", 'q"\\/', "\u2028", "__proto__", "x".repeat(200)];
  const identifiers = names.map((name) => [name, pubsub(name)] as const);
  const spaced = '{ "stream_name" : "sp" ,\n "extra":[1], "channel":"$pubsub"}';

  for (const [stream, identifier] of [...identifiers, ["sp", spaced] as const]) {
    await client.subscribe(identifier);
    await server.publish(stream, { stream });
    expect(await client.next()).toEqual({ identifier, message: { stream } });
  }
});

test.concurrent("Two identifiers of one stream are two subscriptions; the same one twice is a warning", async () => {
  await using server = await Cableway.start(["--public", "--norpc"]);
  using client = await welcomed(server);
  const first = await client.subscribe(pubsub("a"));
  const second = await client.subscribe(pubsub("a", { n: 2 }));

  client.send({ command: "subscribe", identifier: first });
  await expectSilence(client);
  await server.publish("a", 1);

  const received = [await client.next(), await client.next()];
  expect(received).toContainEqual({ identifier: first, message: 1 });
  expect(received).toContainEqual({ identifier: second, message: 1 });
  await server.logged(/WRN failed to handle incoming message .*already subscribed to/);
  await expectMetrics(server, { failed_client_msg_total: 1 });
});

test.concurrent("A name that is no text, no name at all and a broken identifier are rejected or left to the application", async () => {
  await using server = await Cableway.start(["--public", "--norpc", "--streams_secret=k"]);
  using client = await welcomed(server);
  const shapes = [
    channel("$pubsub"),
    channel("$pubsub", { stream_name: "" }),
    channel("$pubsub", { stream_name: 1 }),
    channel("$pubsub", { stream_name: "a", signed_stream_name: {} }),
    channel("Other"),
    "not json",
    "[]",
    '{"channel":["$pubsub"],"stream_name":"a"}',
  ];

  for (const identifier of shapes) await expectRejected(client, identifier);

  await expectMetrics(server, { failed_client_msg_total: 0 });
});

test.concurrent("A signed name is the text its JSON says, however the application wrote it", async () => {
  await using server = await Cableway.start(["--noauth", "--norpc", "--streams_secret=k"]);
  using client = await welcomed(server);
  const writings = [
    ['"chat\\/1"', "chat/1"],
    ['"\\u043a\\u043e\\u0442"', "кот"],
    ['"кит"', "кит"],
  ] as const;

  for (const [json, stream] of writings) {
    const identifier = channel("$pubsub", { signed_stream_name: signedText("k", json) });
    await client.subscribe(identifier);
    await server.publish(stream, { stream });
    expect(await client.next()).toEqual({ identifier, message: { stream } });
  }
});

function signedText(secret: string, json: string): string {
  const encoded = Buffer.from(json).toString("base64");
  return `${encoded}--${createHmac("sha256", secret).update(encoded).digest("hex")}`;
}
