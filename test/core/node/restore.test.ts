import { expect, test } from "bun:test";
import { ServerError } from "../../../src/messages/server-error.ts";
import { NodeRoom, settled } from "../../support/node-room.ts";
import { confirming, letIn, succeeding } from "../../support/scripted-controller.ts";

const CHAT = '{"channel":"Chat"}';
const EXTENDED = { isExtended: true } as const;

/** A room in which `s1` of the extended protocol was subscribed to `s`, with state, and has gone. */
async function afterALoss(): Promise<NodeRoom> {
  const room = new NodeRoom();
  room.controller.onAuthenticate = (client) =>
    letIn(client, { cstate: new Map([["locale", "de"]]) });
  room.controller.onSubscribe = (_client, identifier) =>
    confirming(identifier, { streams: ["s"], istate: new Map([["$w", "s"]]) });
  const client = await room.connect({ ...EXTENDED, sid: "s1" });
  await client.subscribe(CHAT);
  await client.leave();
  room.controller.calls.length = 0;
  return room;
}

test("Node brings a lost session back under a new sid without asking the application", async () => {
  const room = await afterALoss();

  const client = await room.connect({ ...EXTENDED, sid: "s2", restoreSid: "s1" });
  await room.publish("s", "1");

  expect(client.received).toEqual([
    { type: "welcome", sid: "s2", restored: true, restored_ids: [CHAT] },
    { identifier: CHAT, message: 1 },
  ]);
  expect(room.controller.calls).toEqual([]);
  expect(room.log.messages("debug")).toContain("session restored");
});

test("Node brings back identifiers, state and subscriptions", async () => {
  const room = await afterALoss();
  const seen: unknown[] = [];
  room.controller.onPerform = ({ identifiers, cstate, istate }) => {
    seen.push(
      identifiers,
      [...cstate],
      [...istate].map(([key, state]) => [key, [...state]]),
    );
    return succeeding({});
  };
  const client = await room.connect({ ...EXTENDED, sid: "s2", restoreSid: "s1" });

  await client.subscribe(CHAT);
  await client.send({ command: "message", identifier: CHAT, data: "{}" });

  expect(seen).toEqual(["user:s1", [["locale", "de"]], [[CHAT, [["$w", "s"]]]]]);
  expect(room.metrics.value("failed_client_msg_total")).toBe(1);
});

test("Node still makes the Disconnect call of a restored session, and of the lost one", async () => {
  const room = await afterALoss();
  const client = await room.connect({ ...EXTENDED, sid: "s2", restoreSid: "s1" });

  await client.leave();
  await room.clock.advanceAsync(1000);

  expect(room.controller.calls.map(({ method, sid }) => [method, sid])).toEqual([
    ["disconnect", "s1"],
    ["disconnect", "s2"],
  ]);
});

test("Node brings a restored session back again", async () => {
  const room = await afterALoss();
  const second = await room.connect({ ...EXTENDED, sid: "s2", restoreSid: "s1" });
  await second.leave();

  const third = await room.connect({ ...EXTENDED, sid: "s3", restoreSid: "s2" });

  expect(third.received).toEqual([
    { type: "welcome", sid: "s3", restored: true, restored_ids: [CHAT] },
  ]);
});

test("Node authenticates who names an unknown session, who speaks the base protocol, who names none", async () => {
  const room = await afterALoss();

  await room.connect({ ...EXTENDED, sid: "a", restoreSid: "unknown" });
  await room.connect({ isExtended: false, sid: "b", restoreSid: "s1" });
  await room.connect({ ...EXTENDED, sid: "c" });

  expect(room.controller.called("authenticate").map(({ sid }) => sid)).toEqual(["a", "b", "c"]);
});

test("Node remembers nobody of the base protocol, and nobody at all when sessions live for 0 s", async () => {
  const room = new NodeRoom();
  await (await room.connect({ sid: "s1" })).leave();
  const forgetful = new NodeRoom({ sessionsTtlMs: 0 });
  await (await forgetful.connect({ ...EXTENDED, sid: "s1" })).leave();

  expect(await room.sessionStore.restore("s1")).toBeNull();
  expect(await forgetful.sessionStore.restore("s1")).toBeNull();
});

test("Node never makes a refused client restorable, whatever sid it chose [Q6]", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = () => ({ status: "failure", transmissions: [], cstate: null });
  await room.connect({ ...EXTENDED, sid: "z" });

  const client = await room.connect({ ...EXTENDED, sid: "y", restoreSid: "z" });

  expect(await room.sessionStore.restore("z")).toBeNull();
  expect(client.connection.closes).toHaveLength(1);
});

test("Node authenticates when the store fails, and reports it", async () => {
  const room = new NodeRoom();
  room.sessionStore.restore = () => Promise.reject(new Error("away"));

  const client = await room.connect({ ...EXTENDED, sid: "s2", restoreSid: "s1" });

  expect(client.received).toEqual([{ type: "welcome", sid: "s2" }]);
  expect(room.log.messages("error")).toEqual(["failed to fetch session cache"]);
});

test("Node authenticates when what is remembered is no session, and reports it", async () => {
  const room = new NodeRoom();
  const error = new ServerError("snapshot_corrupt", "no session");
  room.sessionStore.restore = () => Promise.reject(error);

  const client = await room.connect({ ...EXTENDED, sid: "s2", restoreSid: "s1" });

  expect(client.received).toEqual([{ type: "welcome", sid: "s2" }]);
  const [record] = room.log.records.filter(({ level }) => level === "error");
  expect(record).toMatchObject({
    message: "failed to restore session from cache",
    attributes: { old_sid: "s1", error },
  });
});

test("Node lets clients in when sessions cannot be remembered, and reports it", async () => {
  const room = new NodeRoom();
  room.sessionStore.commit = () => Promise.reject(new Error("away"));

  const client = await room.connect({ ...EXTENDED, sid: "s1" });

  expect(client.received).toEqual([{ type: "welcome", sid: "s1" }]);
  expect(room.log.messages("error")).toEqual(["failed to persist session in cache"]);
});

test("Node authenticates nobody whose session was closed while its past was looked up", async () => {
  const room = new NodeRoom();
  const answer = Promise.withResolvers<null>();
  room.sessionStore.restore = () => answer.promise;
  const client = await room.connect({ ...EXTENDED, sid: "s2", restoreSid: "s1" });
  const stopped = room.shutDown();

  answer.resolve(null);
  await stopped;

  expect(room.controller.calls).toEqual([]);
  expect(client.connection.closes.map(({ code }) => code)).toEqual([1006]);
});

test("Node keeps connected sessions from being forgotten", async () => {
  const room = new NodeRoom({ sessionsTtlMs: 10_000 });
  await room.sessionStore.start();
  room.node.start();
  const client = await room.connect({ ...EXTENDED, sid: "s1" });

  await room.clock.advanceAsync(60_000);
  expect(await room.sessionStore.restore("s1")).not.toBeNull();
  await client.leave();
  await room.clock.advanceAsync(9000);
  expect(await room.sessionStore.restore("s1")).not.toBeNull();
  await room.clock.advanceAsync(2500);

  expect(await room.sessionStore.restore("s1")).toBeNull();
});

// A store that is emptied, as a Redis restarted without persistence, once cost every connected client its return.
test("Node remembers a connected session again that its store has lost, not one that has left", async () => {
  const room = new NodeRoom({ sessionsTtlMs: 10_000 });
  room.node.start();
  await room.connect({ ...EXTENDED, sid: "s1" });
  const gone = await room.connect({ ...EXTENDED, sid: "s2" });
  for (const sid of ["s1", "s2"]) await room.sessionStore.forget(sid);

  await gone.leave();
  await room.clock.advanceAsync(6000);
  await settled();

  expect(await room.sessionStore.restore("s1")).not.toBeNull();
  expect(await room.sessionStore.restore("s2")).toBeNull();
});

test("Node forgets a session that was sent away for good, together with the one it continued [Q20]", async () => {
  const room = await afterALoss();
  await room.connect({ ...EXTENDED, sid: "s2", restoreSid: "s1" });

  await room.disconnect("user:s1", false);

  for (const sid of ["s1", "s2"]) expect(await room.sessionStore.restore(sid)).toBeNull();
});

test("Node remembers a session that may come back after a remote disconnect", async () => {
  const room = new NodeRoom();
  await room.connect({ ...EXTENDED, sid: "s1" });

  await room.disconnect("user:s1", true);

  expect(await room.sessionStore.restore("s1")).not.toBeNull();
});

test("Node does not write a forgotten session back when a command ends after the remote disconnect", async () => {
  const room = new NodeRoom();
  const client = await room.connect({ ...EXTENDED, sid: "s1" });
  await client.subscribe(CHAT);
  const held = Promise.withResolvers<void>();
  room.presence.join = async () => {
    await held.promise;
    return { ok: true };
  };
  room.controller.onPerform = () =>
    succeeding({ istate: new Map([["$p", "s"]]), presence: { type: "join", id: "1", info: "" } });
  await client.send({ command: "message", identifier: CHAT, data: "{}" });

  await room.disconnect("user:s1", false);
  held.resolve();
  await settled();

  expect(await room.sessionStore.restore("s1")).toBeNull();
});

test("Node commits changes of an action, and nothing for an action that changed nothing", async () => {
  const room = new NodeRoom();
  const client = await room.connect({ ...EXTENDED, sid: "s1" });
  await client.subscribe(CHAT);
  let commits = 0;
  const commit = room.sessionStore.commit.bind(room.sessionStore);
  room.sessionStore.commit = (sid, snapshot) => {
    commits++;
    return commit(sid, snapshot);
  };
  const perform = { command: "message", identifier: CHAT, data: "{}" };

  await client.send(perform);
  expect(commits).toBe(0);
  room.controller.onPerform = () => succeeding({ streams: ["t"] });
  await client.send(perform);

  expect(commits).toBe(1);
  expect((await room.sessionStore.restore("s1"))?.subscriptions).toEqual([[CHAT, ["t"]]]);
});
