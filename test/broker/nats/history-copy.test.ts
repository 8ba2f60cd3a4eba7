import { expect, test } from "bun:test";
import { HistoryCopy } from "../../../src/broker/nats/history-copy.ts";
import type { StreamState } from "../../../src/clients/nats/jetstream.ts";

const CREATED = "2026-11-21T05:00:00Z";

function state(firstSequence: number, lastSequence: number, created = CREATED): StreamState {
  return { maxAgeMs: 300_000, maxMessages: 100, created, firstSequence, lastSequence };
}

function message(sequence: number, timeS = 1000 + sequence) {
  return { subject: "s", sequence, data: `${sequence}`, timeMs: timeS * 1000, isDeletion: false };
}

/** A copy of a stream that was given 1 to 5 and still has 3 to 5. */
function copy(): HistoryCopy {
  const made = new HistoryCopy("room", "e1", CREATED);
  made.update(state(3, 5), [message(3), message(4), message(5)]);
  return made;
}

function offsets(found: ReturnType<HistoryCopy["after"]>): unknown {
  return typeof found === "string" ? found : found.map(({ offset }) => offset);
}

test("HistoryCopy answers positions of which everything behind is kept", () => {
  expect(offsets(copy().after(2))).toEqual([3, 4, 5]);
  expect(offsets(copy().after(4))).toEqual([5]);
  expect(offsets(copy().after(5))).toEqual([]);
});

test("HistoryCopy refuses positions with a gap behind them, and positions never given", () => {
  expect(copy().after(1)).toBe("offset 1 is no longer kept, the oldest is 3");
  expect(copy().after(0)).toBe("offset 0 is no longer kept, the oldest is 3");
  expect(copy().after(6)).toBe("unknown offset 6, the newest is 5");
});

test("HistoryCopy answers the newest position, and no older one, when everything has expired", () => {
  const expired = copy();

  expired.update(state(6, 5), []);

  expect(offsets(expired.after(5))).toEqual([]);
  expect(expired.after(4)).toBe("offset 4 is no longer kept, the oldest is 6");
  expect(offsets(expired.since(1))).toEqual([]);
});

test("HistoryCopy answers times with what is not older", () => {
  expect(offsets(copy().since(1004))).toEqual([4, 5]);
  expect(offsets(copy().since(1))).toEqual([3, 4, 5]);
  expect(offsets(copy().since(9999))).toEqual([]);
});

test("HistoryCopy adds what is new once, drops what is gone, and never changes an answer", () => {
  const grown = copy();
  const before = grown.after(2);

  grown.update(state(5, 7), [message(5), message(6), message(7)]);

  expect(offsets(grown.since(1))).toEqual([5, 6, 7]);
  expect(offsets(before)).toEqual([3, 4, 5]);
});

test("HistoryCopy gives readers of one position the same array", () => {
  const shared = copy();

  expect(shared.after(3)).toBe(shared.after(3));
});

test("HistoryCopy does not fit another incarnation of the stream, nor another epoch", () => {
  expect(copy().fits(state(3, 5), "e1")).toBe(true);
  expect(copy().fits(state(3, 5), "e2")).toBe(false);
  expect(copy().fits(state(3, 5, "2026-11-21T06:00:00Z"), "e1")).toBe(false);
  expect(copy().fits(state(1, 4), "e1")).toBe(false);
});
