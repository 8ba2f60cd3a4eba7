import { expect, test } from "bun:test";
import { type NodeClient, NodeRoom, settled } from "../../support/node-room.ts";
import { confirming, succeeding } from "../../support/scripted-controller.ts";

const CHAT = '{"channel":"Chat"}';
const join = (id: string, info?: unknown) => ({
  command: "join",
  identifier: CHAT,
  presence: { id, info },
});
const JOINED = {
  type: "presence",
  identifier: CHAT,
  message: { id: "42", info: { name: "V" }, type: "join" },
};
const LEFT = { type: "presence", identifier: CHAT, message: { id: "42", type: "leave" } };

async function presenceRoom(): Promise<NodeRoom> {
  const room = new NodeRoom();
  room.controller.onSubscribe = (_client, identifier) =>
    confirming(identifier, { streams: ["s"], istate: new Map([["$p", "s"]]) });
  await room.presence.start();
  return room;
}

async function member(room: NodeRoom): Promise<NodeClient> {
  const client = await room.connect();
  await client.subscribe(CHAT);
  return client;
}

/** What a client got after welcome and confirmation. */
const news = (client: NodeClient): readonly unknown[] => client.received.slice(2);

test("Node tells everybody of a join, the joiner included, and of the last session's leave", async () => {
  const room = await presenceRoom();
  const [alice, clone] = [await member(room), await member(room)];

  await alice.send(join("42", { name: "V" }));
  await clone.send(join("42", { name: "V" }));
  await alice.send({ command: "leave", identifier: CHAT });
  expect(news(clone)).toEqual([JOINED]);
  await clone.send({ command: "leave", identifier: CHAT });

  expect(news(alice)).toEqual([JOINED, LEFT]);
});

test("Node tells who is there, or only how many", async () => {
  const room = await presenceRoom();
  const client = await member(room);
  await client.send(join("42", { name: "V" }));

  await client.send({ command: "presence", identifier: CHAT });
  await client.send({ command: "presence", identifier: CHAT, data: { return_records: false } });

  expect(news(client).slice(1)).toEqual([
    {
      type: "presence",
      identifier: CHAT,
      message: { type: "info", total: 1, records: [{ info: { name: "V" }, id: "42" }] },
    },
    { type: "presence", identifier: CHAT, message: { type: "info", total: 1 } },
  ]);
});

test("Node refuses a join under a second id, without a request, and outside of a presence stream", async () => {
  const room = await presenceRoom();
  const client = await member(room);
  await client.send(join("42"));

  await client.send(join("43"));
  await client.send({ command: "join", identifier: CHAT });
  await client.send({ command: "leave", identifier: "unknown" });

  expect(room.metrics.value("failed_client_msg_total")).toBe(3);
  const warnings = room.log.records.filter(({ level }) => level === "warn");
  expect(warnings.map(({ attributes }) => attributes["error"])).toEqual([
    "presence ID mismatch",
    "presence data is missing",
    "unknown subscription: unknown",
  ]);
});

test("Node sends the error message when presence cannot be read", async () => {
  const room = await presenceRoom();
  const client = await member(room);
  room.presence.info = () => Promise.reject(new Error("away"));

  await client.send({ command: "presence", identifier: CHAT });

  expect(news(client)).toEqual([
    { type: "presence", identifier: CHAT, message: { type: "error", total: 0 } },
  ]);
  expect(room.metrics.value("failed_client_msg_total")).toBe(1);
});

test("Node removes presence with an unsubscribe, and tells the others only", async () => {
  const room = await presenceRoom();
  const [alice, bob] = [await member(room), await member(room)];
  await alice.send(join("42", { name: "V" }));

  await alice.send({ command: "unsubscribe", identifier: CHAT });
  await bob.send({ command: "unsubscribe", identifier: CHAT });

  expect(news(alice)).toEqual([JOINED]);
  expect(news(bob)).toEqual([JOINED, LEFT]);
  expect(room.log.messages("error")).toEqual([]);
});

test("Node joins and leaves as the application's answers say; an unknown directive only warns", async () => {
  const room = await presenceRoom();
  const client = await member(room);
  const directives = ["join", "leave", "dance"];
  room.controller.onPerform = () =>
    succeeding({ presence: { type: directives.shift() ?? "", id: "42", info: '{"name":"V"}' } });

  for (let i = 0; i < 3; i++)
    await client.send({ command: "message", identifier: CHAT, data: "{}" });

  expect(news(client)).toEqual([JOINED, LEFT]);
  expect(room.log.messages("warn")).toEqual(["failed to process presence"]);
});

test("Node joins with a subscribe after its confirmation", async () => {
  const room = await presenceRoom();
  const client = await room.connect();

  await client.send({
    command: "subscribe",
    identifier: CHAT,
    presence: { id: "42", info: { name: "V" } },
  });

  expect(client.received.slice(1)).toEqual([
    { type: "confirm_subscription", identifier: CHAT },
    JOINED,
  ]);
});

test("Node keeps the presence of a connected session of either protocol alive [Q7]", async () => {
  const room = await presenceRoom();
  room.node.start();
  const [alice, bob] = [await member(room), await member(room)];
  await alice.send(join("42", { name: "V" }));

  await room.clock.advanceAsync(120_000);

  expect(news(bob)).toEqual([JOINED]);
});

test("Node lets the presence of a client that left expire after its time to live", async () => {
  const room = await presenceRoom();
  room.node.start();
  const [alice, bob] = [await member(room), await member(room)];
  await alice.send(join("42", { name: "V" }));

  await alice.leave();
  await room.clock.advanceAsync(14_000);
  expect(news(bob)).toEqual([JOINED]);
  await room.clock.advanceAsync(3000);
  await settled();

  expect(news(bob)).toEqual([JOINED, LEFT]);
});
