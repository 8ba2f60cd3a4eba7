import { expect, test } from "bun:test";
import { type Slice, Turns } from "../../../src/core/session/turns.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const newSlice = (): Slice => ({ turn: -1, startedAtMs: 0 });
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("Turns gives every session a slice of each turn of the event loop", async () => {
  const clock = new FakeClock();
  const turns = new Turns({ clock });
  const [busy, other] = [newSlice(), newSlice()];

  expect(turns.isSpent(busy)).toBe(false);
  clock.advance(3);
  expect(turns.isSpent(busy)).toBe(false);
  clock.advance(1);
  expect([turns.isSpent(busy), turns.isSpent(other)]).toEqual([true, false]);
  await nextTurn();

  expect(turns.isSpent(busy)).toBe(false);
});

test("Turns lets one of those who wait go on per turn, in the order in which they came", async () => {
  const turns = new Turns({ clock: new FakeClock() });
  const order: string[] = [];
  for (const name of ["a", "b", "c"]) void turns.next().then(() => order.push(name));

  const seen: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    await nextTurn();
    seen.push(order.length);
  }

  expect(order).toEqual(["a", "b", "c"]);
  expect(seen).toEqual([1, 2, 3]);
});
