import { expect, test } from "bun:test";
import { Subscriptions } from "../../../src/core/session/subscriptions.ts";

test("Subscriptions are full at their number, have room again after one has ended, and are never full without a limit", () => {
  const subscriptions = new Subscriptions();
  for (const identifier of ["a", "b"]) subscriptions.add(identifier);

  expect([subscriptions.isFull(2), subscriptions.isFull(3), subscriptions.isFull(0)]).toEqual([
    true,
    false,
    false,
  ]);
  subscriptions.delete("a");
  subscriptions.delete("unknown");
  expect(subscriptions.isFull(2)).toBe(false);
});

test("Subscriptions are full when their identifiers are too long together, in bytes", () => {
  const subscriptions = new Subscriptions();
  for (let i = 0; i < 4; i++) subscriptions.add(`${i}${"é".repeat(1024 * 1024)}`);

  expect(subscriptions.identifierBytes).toBe(8 * 1024 * 1024 + 4);
  expect([subscriptions.isFull(1000), subscriptions.isFull(0)]).toEqual([true, false]);
  subscriptions.delete(`0${"é".repeat(1024 * 1024)}`);
  expect(subscriptions.isFull(1000)).toBe(false);
});
