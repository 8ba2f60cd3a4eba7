import { expect, test } from "bun:test";
import { NodeRoom } from "../../support/node-room.ts";
import { letIn } from "../../support/scripted-controller.ts";

test("Node counts the sessions that are let in, their distinct identifiers and their streams", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = (client) =>
    letIn(client, { identifiers: client.sid === "a" ? "alice" : "bob" });
  const alice = await room.connect({ sid: "a" });
  await room.connect({ sid: "b" });
  await room.connect({ sid: "c" });
  const gauges = (): readonly number[] => {
    room.node.refreshGauges();
    return ["clients_num", "clients_uniq_num"].map((name) => room.metrics.value(name));
  };
  expect(gauges()).toEqual([3, 2]);

  await alice.leave();

  expect(gauges()).toEqual([2, 1]);
});

test("Node does not count a client that was refused", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = () => ({ status: "failure", transmissions: [], cstate: null });

  await room.connect();
  room.node.refreshGauges();

  expect(room.metrics.value("clients_num")).toBe(0);
  expect(room.metrics.value("failed_auths_total")).toBe(1);
});

test("Node gives a client another sid when a live one has it, and says so [Q23]", async () => {
  const room = new NodeRoom();
  const first = await room.connect({ sid: "x" });
  const second = await room.connect({ sid: "x" });

  expect(first.received).toEqual([{ type: "welcome", sid: "x" }]);
  expect(second.received).toEqual([{ type: "welcome", sid: expect.stringMatching(/^x-r\d+$/) }]);
  expect(room.log.messages("warn")).toEqual(["session id is in use, a random part was added"]);
});

test("Node lets a sid be used again once its session has ended", async () => {
  const room = new NodeRoom();
  const first = await room.connect({ sid: "x" });
  await first.leave();

  const second = await room.connect({ sid: "x" });

  expect(second.received).toEqual([{ type: "welcome", sid: "x" }]);
});

test("Node frees the sid of a client that was refused", async () => {
  const room = new NodeRoom();
  const accept = room.controller.onAuthenticate;
  room.controller.onAuthenticate = () => ({ status: "failure", transmissions: [], cstate: null });
  await room.connect({ sid: "x" });
  room.controller.onAuthenticate = accept;

  const second = await room.connect({ sid: "x" });

  expect(second.received).toEqual([{ type: "welcome", sid: "x" }]);
});
