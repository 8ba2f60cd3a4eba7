import { expect, test } from "bun:test";
import { NodeRoom } from "../../support/node-room.ts";
import { confirming, letIn, rejecting } from "../../support/scripted-controller.ts";

/** Whether the application hears of the end of a session that was let in, then subscribed, with these interests. */
async function isTold(
  disconnectMode: string,
  connect: boolean,
  subscribe: "none" | "own" | "rejected" | "confirmed",
): Promise<boolean> {
  const room = new NodeRoom({ disconnectMode });
  room.controller.onAuthenticate = (client) => letIn(client, { interest: connect });
  room.controller.onSubscribe = (_client, identifier) =>
    subscribe === "rejected"
      ? rejecting(identifier, { interest: true })
      : confirming(identifier, { interest: subscribe === "confirmed" });
  const client = await room.connect();
  if (subscribe !== "none") await client.subscribe("x");

  await client.leave();
  await room.clock.advanceAsync(1000);

  return room.controller.called("disconnect").length === 1;
}

test("Node in mode auto tells the application of sessions it had a part in", async () => {
  expect(await isTold("auto", true, "none")).toBe(true);
  expect(await isTold("auto", false, "none")).toBe(false);
  expect(await isTold("auto", false, "own")).toBe(false);
  expect(await isTold("auto", false, "confirmed")).toBe(true);
  expect(await isTold("auto", false, "rejected")).toBe(true);
  expect(await isTold("auto", true, "own")).toBe(true);
});

test("Node in mode always tells of every session, in mode never or an unknown one of none", async () => {
  expect(await isTold("always", false, "none")).toBe(true);
  expect(await isTold("never", true, "confirmed")).toBe(false);
  expect(await isTold("sometimes", true, "confirmed")).toBe(false);
});

test("Node lists all subscriptions of a session that left", async () => {
  const room = new NodeRoom();
  const client = await room.connect();
  await client.subscribe("x");
  await client.subscribe("y");

  await client.leave();
  await room.clock.advanceAsync(0);

  expect(room.controller.called("disconnect").map(({ subscriptions }) => subscriptions)).toEqual([
    ["x", "y"],
  ]);
});
