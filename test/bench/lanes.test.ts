import { expect, test } from "bun:test";
import { Lanes } from "../../bench/load/lanes.ts";

const sequences = (body: string): number[] =>
  [JSON.parse(body)].flat().map(({ data }) => JSON.parse(data).seq);

test("Lanes number the messages of each stream for itself", () => {
  const lanes = new Lanes(2, 3);

  expect(sequences(lanes.next(0))).toEqual([1, 2, 3]);
  expect(sequences(lanes.next(0))).toEqual([4, 5, 6]);
  expect(sequences(lanes.next(1))).toEqual([1, 2, 3]);
});

test("Lanes are complete when every message sent has arrived", () => {
  const lanes = new Lanes(2, 1);
  lanes.next(0);
  lanes.next(1);

  lanes.received(0, 1);
  expect([lanes.outstanding(0), lanes.outstanding(1), lanes.isComplete]).toEqual([0, 1, false]);
  lanes.received(1, 1);

  expect([lanes.arrived, lanes.isComplete]).toEqual([2, true]);
  expect(lanes.report()).toEqual({ lost: 0, doubled: 0, reordered: 0, unknown: 0 });
});

test("Lanes report what went wrong on any of them", () => {
  const lanes = new Lanes(3, 2);
  for (const lane of [0, 1, 2]) lanes.next(lane);

  for (const sequence of [1, 1]) lanes.received(0, sequence);
  for (const sequence of [2, 1]) lanes.received(1, sequence);
  for (const sequence of [1, 2, 3]) lanes.received(2, sequence);

  expect(lanes.report()).toEqual({ lost: 1, doubled: 1, reordered: 1, unknown: 1 });
});
