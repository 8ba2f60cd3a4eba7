import { expect, test } from "bun:test";
import { Positions } from "../../bench/load/positions.ts";

const frame = (offset: number) =>
  Buffer.from(
    `{"identifier":"{}","message":{"seq":${offset}},"stream_id":"chat","epoch":"aB3x","offset":${offset}}`,
  );

function positionsAfter(...offsets: readonly number[]): Positions {
  const positions = new Positions("chat", 2);
  for (const offset of offsets) {
    const bytes = Buffer.concat([Buffer.from("??"), frame(offset)]);
    positions.seen(1, bytes, 2, bytes.length);
  }
  return positions;
}

test("Positions give the epoch and the offset a client has seen last", () => {
  const positions = positionsAfter(7, 8, 1234567);

  expect(positions.history(1)).toEqual({
    history: { streams: { chat: { epoch: "aB3x", offset: 1234567 } } },
  });
  expect(positions.history(0)).toEqual({
    history: { streams: { chat: { epoch: "aB3x", offset: 0 } } },
  });
});

test("Positions never go back", () => {
  const positions = positionsAfter(12, 3);

  expect(positions.history(1)).toEqual({
    history: { streams: { chat: { epoch: "aB3x", offset: 12 } } },
  });
});

test("Positions refuse a message that has none", () => {
  const positions = new Positions("chat", 1);
  const first = Buffer.from('{"identifier":"{}","message":{"seq":7}}');
  const later = Buffer.from('{"identifier":"{}","message":{"seq":8},"n":"8"}');

  expect(() => positions.seen(0, first, 0, first.length)).toThrow("without a position");
  positions.seen(0, frame(7), 0, frame(7).length);
  expect(() => positions.seen(0, later, 0, later.length)).toThrow("without a position");
});
