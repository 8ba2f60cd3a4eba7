import { expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { answers, CHAT, startGrpcBackend, WELCOME } from "../../support/grpc-backend.ts";
import { jwt } from "../../support/tokens.ts";
import { channel, confirmed, signedPubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const OTHER = channel("Other");

test.concurrent("rpc#38 A session of a token is disconnected at the application once it has asked it something", async () => {
  await using backend = await startGrpcBackend();
  const options = [`--rpc_host=${backend.host}`, "--jwt_secret=k", "--streams_secret=s"];
  await using server = await Cableway.start(options);
  const clients = [];
  for (const ext of ["streams", "chat"]) {
    const client = await server.connect({ path: `/cable?jid=${jwt("k", { ext })}` });
    await client.next();
    await client.subscribe(signedPubsub("s", "news"));
    clients.push(client);
  }
  clients[1]?.send({ command: "subscribe", identifier: CHAT });
  expect(await clients[1]?.nextText()).toBe(confirmed(CHAT));

  for (const client of clients) client.drop();
  await backend.until(() => backend.named("Disconnect").length > 0);
  server.signal();
  await server.exited();

  const requests = backend.named("Disconnect").map(({ request }) => request);
  expect(requests.map(({ identifiers }) => identifiers)).toEqual(["chat"]);
});

test.concurrent("rpc#39 A shutdown makes the Disconnect calls of all its sessions before it exits", async () => {
  await using backend = await startGrpcBackend();
  const options = ["--disconnect_mode=always", "--disconnect_rate=1"];
  await using server = await Cableway.start([`--rpc_host=${backend.host}`, ...options]);
  for (let n = 0; n < 3; n += 1) await (await server.connect()).next();

  const start = performance.now();
  server.signal();

  expect(await server.exited()).toBe(0);
  expect(performance.now() - start).toBeLessThan(2500);
  expect(backend.named("Disconnect")).toHaveLength(3);
});

test.concurrent("rpc#41 A client that leaves cancels nothing: its Connect ends and one Disconnect follows", async () => {
  await using backend = await startGrpcBackend();
  const slow = answers.connect({ identifiers: "me", transmissions: [WELCOME] }, 800);
  await backend.script({ method: "Connect", answers: [slow] });
  await using server = await Cableway.start([`--rpc_host=${backend.host}`, "--debug"]);
  using cut = await server.connect();
  using polite = await server.connect();
  await backend.called(2);

  cut.drop();
  polite.sendClose(1000);
  await server.loggedTimes("DBG unregistered", 2);
  expect(await server.metric("rpc_canceled_total")).toBe(0);
  server.signal();
  await server.exited();

  expect(backend.named("Disconnect").map(({ request }) => request.identifiers)).toEqual([
    "me",
    "me",
  ]);
});

test.concurrent("rpc#41 Commands that were sent before the client left all run, and Disconnect lists them", async () => {
  await using backend = await startGrpcBackend();
  const slow = answers.command({}, 300);
  await backend.script({ method: "Command", answers: [slow] });
  await using server = await Cableway.start([`--rpc_host=${backend.host}`]);
  using client = await server.connect();
  await client.next();

  client.send({ command: "subscribe", identifier: CHAT });
  client.send({ command: "subscribe", identifier: OTHER });
  await backend.called(2);
  client.drop();
  await backend.called(4);

  expect(backend.named("Disconnect")[0]?.request.subscriptions.toSorted()).toEqual(
    [CHAT, OTHER].toSorted(),
  );
  expect(await server.metric("rpc_canceled_total")).toBe(0);
});

test.concurrent("rpc#44 Disconnect calls that wait for their turn are all made when the server goes", async () => {
  await using backend = await startGrpcBackend();
  const options = [`--rpc_host=${backend.host}`, "--disconnect_rate=1", "--debug"];
  await using server = await Cableway.start(options);
  const clients = [];
  for (let n = 0; n < 5; n += 1) clients.push(await server.connect());
  await Promise.all(clients.map((client) => client.next()));
  for (const client of clients) client.drop();
  await server.loggedTimes("DBG unregistered", 5);
  await backend.until(() => backend.named("Disconnect").length > 0);

  server.signal();

  expect(await server.exited()).toBe(0);
  expect(backend.named("Disconnect")).toHaveLength(5);
});

test.concurrent("Disconnect calls keep to the rate", async () => {
  await using backend = await startGrpcBackend();
  await using server = await Cableway.start([`--rpc_host=${backend.host}`, "--disconnect_rate=4"]);
  const clients = [];
  for (let n = 0; n < 5; n += 1) clients.push(await server.connect());
  await Promise.all(clients.map((client) => client.next()));

  for (const client of clients) client.drop();
  await backend.called(10);

  const times = backend.named("Disconnect").map(({ atMs }) => atMs);
  const tookMs = (times.at(-1) ?? 0) - (times[1] ?? 0);
  expect(tookMs).toBeGreaterThan(650);
  expect(tookMs).toBeLessThan(1500);
});
