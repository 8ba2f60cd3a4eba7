import { expect, test } from "bun:test";
import { CLOSES } from "../../../src/messages/close.ts";
import { NodeRoom } from "../../support/node-room.ts";
import { letIn } from "../../support/scripted-controller.ts";

test("Node disconnects every session of the identifiers, and no other [Q2]", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = (client) =>
    letIn(client, { identifiers: client.sid.slice(0, 1) });
  const ours = await Promise.all(["a1", "a2", "a3"].map((sid) => room.connect({ sid })));
  const other = await room.connect({ sid: "b1" });

  await room.disconnect("a", true);

  for (const client of ours) {
    expect(client.received.at(-1)).toEqual({
      type: "disconnect",
      reason: "remote",
      reconnect: true,
    });
    expect(client.connection.closes).toEqual([CLOSES.remote]);
  }
  expect(other.connection.closes).toEqual([]);
});

test("Node compares identifiers character by character", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = (client) => letIn(client, { identifiers: '{"id":1}' });
  const client = await room.connect();

  await room.disconnect('{"id": 1}');
  await room.disconnect("__proto__");

  expect(client.connection.closes).toEqual([]);
  expect(room.log.messages("debug").filter((text) => text.includes("cannot"))).toHaveLength(2);
});

test("Node tells the client not to reconnect unless the command allows it", async () => {
  const room = new NodeRoom();
  const client = await room.connect({ sid: "s1" });

  await room.disconnect("user:s1");

  expect(client.received.at(-1)).toEqual({
    type: "disconnect",
    reason: "remote",
    reconnect: false,
  });
});

test("Node counts remote commands, warns of a bad payload and ignores unknown commands", () => {
  const room = new NodeRoom();

  room.node.command({ command: "disconnect", payload: { identifier: 7 } });
  room.node.command({ command: "dance", payload: null });

  expect(room.metrics.value("remote_commands_total")).toBe(2);
  expect(room.metrics.value("broadcast_msg_total")).toBe(1);
  expect(room.log.messages("warn")).toEqual(["failed to parse remote disconnect command"]);
});
