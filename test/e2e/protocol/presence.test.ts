import { expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { BASE, EXT, PONG, pubsub } from "../../support/wire.ts";

setDefaultTimeout(30_000);

const ROOM = pubsub("room");
const OPTIONS = ["--public", "--broker=memory"];

function presence(message: unknown): unknown {
  return { type: "presence", identifier: ROOM, message };
}

function join(client: RawClient, id: unknown, info?: unknown): void {
  client.send({ command: "join", identifier: ROOM, presence: { id, info } });
}

async function entered(server: Cableway, subprotocol: string): Promise<RawClient> {
  const client = await server.connect({ subprotocol });
  await client.next();
  await client.subscribe(ROOM);
  return client;
}

test.concurrent("protocol#30 An id joins with its first session and leaves with its last; a second one renews its info", async () => {
  await using server = await Cableway.start(OPTIONS);
  using alice = await entered(server, EXT);
  using clone = await entered(server, EXT);
  using watcher = await entered(server, BASE);

  join(alice, "1", { name: "V" });
  const text = `{"type":"presence","identifier":${JSON.stringify(ROOM)},"message":{"id":"1","info":{"name":"V"},"type":"join"}}`;
  for (const client of [alice, clone, watcher]) expect(await client.nextText()).toBe(text);

  join(clone, "1", { name: "W" });
  clone.send({ command: "ping" });
  expect(await clone.nextText()).toBe(PONG);
  watcher.send({ command: "presence", identifier: ROOM });
  const records = [{ id: "1", info: { name: "W" } }];
  expect(await watcher.next()).toEqual(presence({ type: "info", total: 1, records }));

  alice.send({ command: "leave", identifier: ROOM });
  expect(await watcher.within(400)).toEqual([]);
  clone.send({ command: "leave", identifier: ROOM });
  const left = presence({ id: "1", type: "leave" });
  for (const client of [alice, clone, watcher]) expect(await client.next()).toEqual(left);
});

test.concurrent("protocol#31 Presence of a stream with nobody is a total of 0 without records", async () => {
  await using server = await Cableway.start(OPTIONS);
  using client = await entered(server, BASE);

  client.send({ command: "presence", identifier: ROOM });

  const message = '{"type":"info","total":0}';
  expect(await client.nextText()).toBe(
    `{"type":"presence","identifier":${JSON.stringify(ROOM)},"message":${message}}`,
  );
});

test.concurrent("protocol#31 Q4 A client that wants no records gets the total only", async () => {
  await using server = await Cableway.start(OPTIONS);
  using client = await entered(server, EXT);
  join(client, "1");
  expect(await client.next()).toEqual(presence({ id: "1", type: "join" }));

  client.send({ command: "presence", identifier: ROOM, data: { return_records: false } });
  client.send({ command: "presence", identifier: ROOM, data: { return_records: true } });

  expect(await client.next()).toEqual(presence({ type: "info", total: 1 }));
  expect(await client.next()).toEqual(presence({ type: "info", total: 1, records: [{ id: "1" }] }));
});

test.concurrent("Q7 Q16 Whoever joined over the base protocol stays present while connected, and leaves after the TTL", async () => {
  await using server = await Cableway.start([...OPTIONS, "--presence_ttl=1"]);
  using watcher = await entered(server, BASE);
  using client = await entered(server, BASE);
  join(client, "1");
  expect(await watcher.next()).toEqual(presence({ id: "1", type: "join" }));

  expect(await watcher.within(4000)).toEqual([]);
  client.drop();

  expect(await watcher.next(6000)).toEqual(presence({ id: "1", type: "leave" }));
});

test.concurrent("Q15 A number as presence id is taken as its text", async () => {
  await using server = await Cableway.start(OPTIONS);
  using client = await entered(server, BASE);

  join(client, 42);

  expect(await client.next()).toEqual(presence({ id: "42", type: "join" }));
});

test.concurrent("Q14 Leaving a stream without having joined logs nothing", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await entered(server, BASE);

  client.send({ command: "unsubscribe", identifier: ROOM });
  client.send({ command: "ping" });
  expect(await client.nextText()).toBe(PONG);
  server.signal();
  await server.exited();

  expect(server.log).not.toMatch(/(ERR|WRN) .*presence/);
});

test.concurrent("Without a broker presence is answered with an error, join and leave are failed commands", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await entered(server, EXT);

  client.send({ command: "presence", identifier: ROOM });
  expect(await client.next()).toEqual(presence({ type: "error", total: 0 }));
  join(client, "1");
  client.send({ command: "leave", identifier: ROOM });
  client.send({ command: "ping" });

  expect(await client.nextText()).toBe(PONG);
  expect(await server.metric("failed_client_msg_total")).toBe(3);
});
