import { expect, setDefaultTimeout, test } from "bun:test";
import { Application } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { jwt, signedStream } from "../../support/tokens.ts";
import { BASE, pubsub, signedPubsub, UNAUTHORIZED } from "../../support/wire.ts";

setDefaultTimeout(20_000);

test.concurrent("Feature standalone: one secret lets tokens and signed streams in, without an application", async () => {
  await using server = await Cableway.start(["--secret=qwerty", "--norpc", "--broadcast_key=none"]);
  const path = `/cable?jid=${jwt("qwerty", { ext: '{"user_id":42}' })}`;

  using known = await server.connect({ path });
  expect(await known.next()).toMatchObject({ type: "welcome" });
  const identifier = await known.subscribe(signedPubsub("qwerty", "chat/1"));
  await server.publish("chat/1", { n: 1 });
  expect(await known.next()).toEqual({ identifier, message: { n: 1 } });

  using unknown = await server.connect();
  expect(await unknown.nextText()).toBe(UNAUTHORIZED);
});

test.concurrent("Feature jwt: a token counts as parameter, header or sub-protocol; without one nobody gets in", async () => {
  await using server = await Cableway.start(["--jwt_secret=qwerty", "--norpc"]);
  const token = jwt("qwerty", { ext: "me" });
  const ways = [
    { path: `/cable?jid=${token}` },
    { headers: { "x-jid": token } },
    { subprotocol: `anycable-token.${token}` },
    { subprotocol: `${BASE}, anycable-token.${token}` },
  ];

  for (const way of ways) {
    using client = await server.connect(way);
    expect(await client.next()).toMatchObject({ type: "welcome" });
  }
  using unknown = await server.connect();
  expect(await unknown.nextText()).toBe(UNAUTHORIZED);
});

test.concurrent("Feature streams: in public mode streams need no signature and the application is never asked", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start([application.option, "--public"]);

  using client = await server.connect();
  await client.next();
  const identifier = await client.subscribe(pubsub("chat/1"));
  await server.publish("chat/1", "hi");
  expect(await client.next()).toEqual({ identifier, message: "hi" });
  client.drop();
  server.signal();
  await server.exited();

  expect(application.calls).toEqual([]);
});

test.concurrent("Feature Turbo without RPC: signed Turbo streams are granted by the server itself", async () => {
  await using application = await Application.start();
  const options = ["--turbo_streams", "--secret=qwerty", "--broadcast_key=none"];
  await using server = await Cableway.start([application.option, ...options]);
  const identifier = (secret: string) =>
    JSON.stringify({
      channel: "Turbo::StreamsChannel",
      signed_stream_name: signedStream(secret, "chat/2023"),
    });
  using client = await server.connect();
  await client.next();

  await client.subscribe(identifier("qwerty"));
  await server.publish("chat/2023", "<turbo-stream/>");
  expect(await client.next()).toMatchObject({ message: "<turbo-stream/>" });
  client.send({ command: "subscribe", identifier: identifier("other") });

  expect(await client.next()).toMatchObject({ type: "reject_subscription" });
  expect(application.named("command")).toEqual([]);
});
