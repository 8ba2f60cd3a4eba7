import { expect, test } from "bun:test";
import { CLOSES } from "../../../src/messages/close.ts";
import { NodeRoom } from "../../support/node-room.ts";
import { confirming, succeeding } from "../../support/scripted-controller.ts";

const CHAT = '{"channel":"Chat"}';
const act = (data: unknown) => ({ command: "message", identifier: CHAT, data });

test("Node refuses a second subscribe to the same identifier and counts it", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  await client.subscribe(CHAT);

  await client.subscribe(CHAT);

  expect(client.received.slice(1)).toEqual([{ type: "confirm_subscription", identifier: CHAT }]);
  expect(room.metrics.value("failed_client_msg_total")).toBe(1);
  expect(room.controller.called("subscribe")).toHaveLength(1);
});

test("Node rejects subscriptions beyond the limit without asking the application, counts each and logs one", async () => {
  const room = new NodeRoom({ maxSubscriptions: 2 });
  const client = await room.connect();
  for (const identifier of ["a", "b", "c", "d"]) await client.subscribe(identifier);

  await client.send({ command: "unsubscribe", identifier: "a" });
  await client.subscribe("c");

  expect(client.received.slice(1)).toEqual([
    { type: "confirm_subscription", identifier: "a" },
    { type: "confirm_subscription", identifier: "b" },
    { type: "reject_subscription", identifier: "c" },
    { type: "reject_subscription", identifier: "d" },
    { type: "confirm_subscription", identifier: "c" },
  ]);
  expect(room.metrics.value("failed_client_msg_total")).toBe(2);
  expect(room.log.messages("warn")).toEqual(["too many subscriptions, see ws_max_subscriptions"]);
  expect(room.controller.called("subscribe")).toHaveLength(3);
});

test("Node hands empty identifiers and those that are no JSON to the application", async () => {
  const room = new NodeRoom();
  const client = await room.connect();

  await client.subscribe("");
  await client.subscribe("not json");

  expect(room.controller.called("subscribe").map(({ identifier }) => identifier)).toEqual([
    "",
    "not json",
  ]);
});

test("Node answers nothing to a subscribe that failed, and takes another", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  room.controller.onSubscribe = () => ({ status: "error", error: "timed out" });
  await client.subscribe(CHAT);
  expect(client.received).toHaveLength(1);

  room.controller.onSubscribe = (_client, identifier) => confirming(identifier);
  await client.subscribe(CHAT);

  expect(client.received.slice(1)).toEqual([{ type: "confirm_subscription", identifier: CHAT }]);
  expect(room.log.records.find(({ level }) => level === "warn")?.attributes["error"]).toBe(
    `subscribe failed for ${CHAT}, cause: timed out`,
  );
});

test("Node ends a subscription without an answer, with its streams and state", async () => {
  const room = new NodeRoom();
  room.controller.onSubscribe = (_client, identifier) =>
    confirming(identifier, { streams: ["s"], istate: new Map([["k", "v"]]) });
  const client = await room.connect();
  await client.subscribe(CHAT);
  room.controller.onUnsubscribe = () => succeeding({});

  await client.send({ command: "unsubscribe", identifier: CHAT });
  await room.publish("s", "1");
  await client.send({ command: "unsubscribe", identifier: CHAT });

  expect(client.received).toHaveLength(2);
  expect([...room.broker.held]).toEqual([]);
  expect(room.metrics.value("failed_client_msg_total")).toBe(1);
});

test("Node keeps a subscription when unsubscribing failed", async () => {
  const room = new NodeRoom();
  room.controller.onSubscribe = (_client, identifier) => confirming(identifier, { streams: ["s"] });
  const client = await room.connect();
  await client.subscribe(CHAT);
  room.controller.onUnsubscribe = () => ({ status: "error", error: "timed out" });

  await client.send({ command: "unsubscribe", identifier: CHAT });

  expect([...room.broker.held.keys()]).toEqual(["s"]);
  expect(room.metrics.value("failed_client_msg_total")).toBe(1);
});

test("Node hands actions of subscribed channels to the application, text only", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  await client.send(act("early"));
  await client.subscribe(CHAT);

  for (const data of [{ a: 1 }, null, 7, '{"action":"tick"}']) await client.send(act(data));

  expect(room.controller.called("perform").map(({ data }) => data)).toEqual(['{"action":"tick"}']);
  expect(room.metrics.value("failed_client_msg_total")).toBe(4);
});

test("Node sends the transmissions of an action before it closes as the action asks", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  await client.subscribe(CHAT);
  room.controller.onPerform = () => succeeding({ transmissions: ['"bye"'], disconnect: true });

  await client.send(act("{}"));

  expect(client.received.at(-1)).toBe("bye");
  expect(client.connection.closes).toEqual([CLOSES.commandFailed]);
});

test("Node hands the state that a call left behind to the next one", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  await client.subscribe(CHAT);
  const seen: (readonly unknown[])[] = [];
  room.controller.onPerform = ({ cstate, istate }, identifier) => {
    seen.push([[...cstate], [...(istate.get(identifier) ?? [])]]);
    return succeeding({ cstate: new Map([["n", "1"]]), istate: new Map([["m", "2"]]) });
  };

  await client.send(act("{}"));
  await client.send(act("{}"));

  expect(seen).toEqual([
    [[], []],
    [[["n", "1"]], [["m", "2"]]],
  ]);
});

test("Node answers a client's ping, and nothing to a pong", async () => {
  const room = new NodeRoom();
  const client = await room.connect();

  await client.send({ command: "pong" });
  await client.send({ command: "ping" });

  expect(client.received.slice(1)).toEqual([{ type: "pong" }]);
});
