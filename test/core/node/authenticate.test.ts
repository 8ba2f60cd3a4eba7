import { expect, test } from "bun:test";
import { CLOSES } from "../../../src/messages/close.ts";
import { NodeRoom, settled } from "../../support/node-room.ts";
import { letIn } from "../../support/scripted-controller.ts";

const UNAUTHORIZED = '{"type":"disconnect","reason":"unauthorized","reconnect":false}';

test("Node sends a refused client the application's words, then Auth Failed", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = () => ({
    status: "failure",
    transmissions: [UNAUTHORIZED],
    cstate: null,
  });

  const client = await room.connect();

  expect(client.connection.sent).toEqual([UNAUTHORIZED]);
  expect(client.connection.closes).toEqual([CLOSES.authFailed]);
  expect(room.metrics.value("failed_auths_total")).toBe(1);
});

test("Node says nothing to a client nobody could judge, closes with Auth Error and logs why", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = () => ({ status: "error", error: "no answer" });

  const client = await room.connect();

  expect(client.connection.sent).toEqual([]);
  expect(client.connection.closes).toEqual([CLOSES.authError]);
  expect(room.metrics.value("failed_auths_total")).toBe(0);
  expect(room.log.records.at(-1)).toMatchObject({
    level: "error",
    message: "WebSocket session failed",
    attributes: { error: "failed to authenticate, cause: no answer" },
  });
});

test("Node closes with Auth Error when the controller throws", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = () => {
    throw new TypeError("a bug");
  };

  const client = await room.connect();

  expect(client.connection.closes).toEqual([CLOSES.authError]);
  expect(room.log.messages("error")).toEqual(["authentication failed"]);
});

test("Node cuts a client whose authentication was cancelled by nobody", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = () => ({ status: "canceled" });

  const client = await room.connect();
  await client.subscribe("x");

  expect(client.connection.closes).toEqual([CLOSES.authError]);
  expect(room.controller.called("subscribe")).toEqual([]);
});

test("Node drops the answer of the application when it has closed the session meanwhile", async () => {
  const room = new NodeRoom();
  const answer = Promise.withResolvers<void>();
  room.controller.onAuthenticate = async (client) => {
    await answer.promise;
    return letIn(client, {});
  };
  const client = await room.connect();

  await room.shutDown();
  answer.resolve();
  await settled();

  expect(client.connection.sent.join()).not.toContain("welcome");
  expect(room.log.messages("debug")).toContain("skip authenticate result: closed");
});

test("Node invents no welcome when the application sends none", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = (client) => letIn(client, { transmissions: [] });

  const client = await room.connect();

  expect(client.connection.sent).toEqual([]);
  expect(client.connection.closes).toEqual([]);
});

test("Node passes the state of the connection on to later calls", async () => {
  const room = new NodeRoom();
  room.controller.onAuthenticate = (client) =>
    letIn(client, { cstate: new Map([["locale", "de"]]) });
  const client = await room.connect();

  await client.leave();
  await room.clock.advanceAsync(0);

  expect(room.controller.called("disconnect").map(({ cstate }) => cstate)).toEqual([
    { locale: "de" },
  ]);
});
