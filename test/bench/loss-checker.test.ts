import { expect, test } from "bun:test";
import { LossChecker } from "../../bench/load/loss-checker.ts";

const CLEAN = { lost: 0, doubled: 0, reordered: 0, unknown: 0 };

function checkerAfter(clients: readonly (readonly number[])[], sent: number): LossChecker {
  const checker = new LossChecker(clients.length);
  checker.sent(sent);
  for (const [client, sequences] of clients.entries()) {
    for (const sequence of sequences) checker.received(client, sequence);
  }
  return checker;
}

test("LossChecker finds nothing when every client has every message once and in order", () => {
  const checker = checkerAfter(
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
    3,
  );

  expect(checker.report()).toEqual(CLEAN);
  expect(checker.arrived).toBe(6);
});

test("LossChecker counts a message lost in the middle and one lost at the end, per client", () => {
  const checker = checkerAfter(
    [
      [1, 3],
      [1, 2],
    ],
    3,
  );

  expect(checker.report()).toEqual({ ...CLEAN, lost: 2 });
  expect(checker.arrived).toBe(4);
});

test("LossChecker counts a doubled message, whether at once or later", () => {
  const checker = checkerAfter([[1, 1, 2, 3, 2]], 3);

  expect(checker.report()).toEqual({ ...CLEAN, doubled: 2 });
});

test("LossChecker counts a late message as reordered, not as lost, and its repetition as doubled", () => {
  const checker = checkerAfter([[1, 3, 2, 2, 4]], 4);

  expect(checker.report()).toEqual({ ...CLEAN, reordered: 1, doubled: 1 });
  expect(checker.arrived).toBe(4);
});

test("LossChecker counts numbers that were never sent", () => {
  const checker = checkerAfter([[1, 2, 0, 9]], 2);

  expect(checker.report()).toEqual({ ...CLEAN, unknown: 2 });
});

test("LossChecker tells the highest number a client has received", () => {
  const checker = checkerAfter([[1, 2, 4], []], 4);

  expect([checker.last(0), checker.last(1)]).toEqual([4, 0]);
});
