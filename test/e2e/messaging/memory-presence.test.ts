import { expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { expectMetrics, expectSilence, welcomed } from "../../support/welcomed.ts";
import { EXT, pubsub, signedPubsub } from "../../support/wire.ts";

setDefaultTimeout(40_000);

const MEMORY = ["--public", "--norpc", "--broker=memory"];
const ROOM = pubsub("r");

/** A client that listens to the room. */
async function arrive(server: Cableway): Promise<RawClient> {
  const client = await welcomed(server, { subprotocol: EXT });
  await client.subscribe(ROOM);
  return client;
}

function join(id: string, info?: unknown) {
  return { command: "join", identifier: ROOM, presence: { id, info } };
}

function event(message: Readonly<Record<string, unknown>>) {
  return { type: "presence", identifier: ROOM, message };
}

const LEAVE = { command: "leave", identifier: ROOM };

/** Asks who is there. */
async function present(client: RawClient, data?: unknown): Promise<unknown> {
  client.send({ command: "presence", identifier: ROOM, ...(data === undefined ? {} : { data }) });
  return ((await client.next()) as { readonly message: unknown }).message; // compared by the caller
}

test.concurrent("messaging#28 Two sessions of one id are one presence, from the first join to the last leave", async () => {
  await using server = await Cableway.start(MEMORY);
  using first = await arrive(server);
  using second = await arrive(server);
  using watcher = await arrive(server);
  const all = [first, second, watcher];

  first.send(join("42", { b: 1, a: [2] }));
  const joined = `{"type":"presence","identifier":${JSON.stringify(ROOM)},"message":{"id":"42","info":{"a":[2],"b":1},"type":"join"}}`;
  for (const client of all) expect(await client.nextText()).toBe(joined);
  second.send(join("42", { b: 2 }));
  first.send(LEAVE);
  await expectSilence(second);
  await expectSilence(first);
  await expectSilence(watcher);
  expect(await present(watcher)).toEqual({
    type: "info",
    total: 1,
    records: [{ id: "42", info: { b: 2 } }],
  });

  second.send(LEAVE);
  const left = `{"type":"presence","identifier":${JSON.stringify(ROOM)},"message":{"id":"42","type":"leave"}}`;
  for (const client of all) expect(await client.nextText()).toBe(left);
});

test.concurrent("messaging#29 A session has one id in a stream: another one is a warning and changes nothing", async () => {
  await using server = await Cableway.start(MEMORY);
  using client = await arrive(server);
  client.send(join("42", 1));
  await client.next();

  client.send(join("43", 2));

  await expectSilence(client);
  await server.logged(/WRN failed to handle incoming message .*presence ID mismatch/);
  await expectMetrics(server, { failed_client_msg_total: 1 });
  expect(await present(client)).toEqual({
    type: "info",
    total: 1,
    records: [{ id: "42", info: 1 }],
  });
});

test.concurrent("messaging#30 A session that is cut off leaves after presence_ttl, and not at all when it comes back before", async () => {
  await using server = await Cableway.start(MEMORY);
  await using quick = await Cableway.start([...MEMORY, "--presence_ttl=2"]);
  using watcher = await arrive(server);
  using other = await arrive(quick);
  const gone = await arrive(server);
  const returning = await arrive(quick);

  gone.send(join("42"));
  expect(await watcher.next()).toEqual(event({ id: "42", type: "join" }));
  gone.drop();
  const droppedAt = performance.now();

  returning.send(join("42"));
  expect(await other.next()).toEqual(event({ id: "42", type: "join" }));
  returning.drop();
  using returned = await arrive(quick);
  returned.send(join("42"));
  expect(await other.within(4500)).toEqual([]);
  expect(await present(other)).toMatchObject({ total: 1 });

  expect(await watcher.next(20_000)).toEqual(event({ id: "42", type: "leave" }));
  const tookMs = performance.now() - droppedAt;
  expect(tookMs).toBeGreaterThan(14_900);
  expect(tookMs).toBeLessThan(16_500);
});

test.concurrent("messaging#31 Who is there: nobody, everybody, or only how many", async () => {
  await using server = await Cableway.start(MEMORY);
  using client = await arrive(server);
  expect(await present(client)).toEqual({ type: "info", total: 0 });

  client.send(join("42", "text"));
  await client.next();

  const whole = { type: "info", total: 1, records: [{ id: "42", info: "text" }] };
  for (const data of [undefined, {}, { return_records: true }]) {
    expect(await present(client, data)).toEqual(whole);
  }
  expect(await present(client, { return_records: false })).toEqual({ type: "info", total: 1 });
});

test.concurrent("Presence that is asked for with the subscription is joined behind its confirmation", async () => {
  await using server = await Cableway.start([...MEMORY, "--presence_ttl=1"]);
  using watcher = await arrive(server);
  using client = await welcomed(server);

  await client.subscribe(ROOM, { presence: { id: "1", info: { n: 1 } } });

  const joined = event({ id: "1", info: { n: 1 }, type: "join" });
  expect([await client.next(), await watcher.next()]).toEqual([joined, joined]);
  expect(await watcher.within(2500)).toEqual([]); // connected sessions stay beyond the time
});

test.concurrent("Joins without an id, to unknown subscriptions and leaves of nobody are warnings without an answer", async () => {
  await using server = await Cableway.start(MEMORY);
  using client = await arrive(server);
  const commands = [
    { command: "join", identifier: ROOM },
    { command: "join", identifier: ROOM, presence: { id: {} } },
    { ...join("1"), identifier: pubsub("other") },
    { command: "presence", identifier: pubsub("other") },
    { ...LEAVE, identifier: pubsub("other") },
  ];

  for (const command of commands) client.send(command);

  await expectSilence(client);
  await expectMetrics(server, { failed_client_msg_total: commands.length });
});

test.concurrent("Without a broker nobody is present, and a question is answered with an error", async () => {
  await using server = await Cableway.start(["--public", "--norpc"]);
  using client = await arrive(server);

  client.send(join("42"));

  expect(await present(client)).toEqual({ type: "error", total: 0 });
  await expectMetrics(server, { failed_client_msg_total: 2 });
  await server.logged(/WRN failed to handle incoming message .*presence not supported/);
});

test.concurrent("messaging#40 A whisper reaches everyone but its sender, takes no offset, and nobody without permission", async () => {
  const options = ["--noauth", "--norpc", "--streams_secret=k", "--broker=memory", "--debug"];
  await using server = await Cableway.start([...options, "--streams_whisper"]);
  await using silent = await Cableway.start(options);
  const room = signedPubsub("k", "r");
  const whisper = (data?: unknown) => ({ command: "whisper", identifier: room, data });
  const connected = [server, server, silent, silent].map((one) =>
    welcomed(one, { subprotocol: EXT }),
  );
  const [speaker, listener, mute, deaf] = (await Promise.all(connected)) as [
    RawClient,
    RawClient,
    RawClient,
    RawClient,
  ]; // as many as servers
  for (const client of [speaker, listener, mute, deaf]) await client.subscribe(room);

  speaker.send(whisper({ t: "<x>" }));
  speaker.send(whisper("s"));
  speaker.send(whisper());
  mute.send(whisper("s"));

  for (const message of [{ t: "<x>" }, "s", "null"]) {
    expect(await listener.next()).toEqual({ identifier: room, message });
  }
  await expectSilence(speaker);
  await expectSilence(mute);
  await expectSilence(deaf);
  await silent.logged("DBG whisper stream not found");
  await expectMetrics(silent, { failed_client_msg_total: 0, broadcast_msg_total: 0 });
  listener.send({ command: "history", identifier: room, history: { since: 1 } });
  expect(await listener.next()).toEqual({ type: "confirm_history", identifier: room });
  for (const client of [speaker, listener, mute, deaf]) client.drop();
});
