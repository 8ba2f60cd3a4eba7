import { expect, test } from "bun:test";
import { MemoryStream } from "../../src/broker/memory-stream.ts";
import type { Publication } from "../../src/messages/publication.ts";

const offsets = (found: readonly Publication[] | string): readonly number[] | string =>
  typeof found === "string" ? found : found.map(({ offset }) => offset);

test("MemoryStream refuses the position before the oldest kept one: the entry itself must be there", () => {
  const stream = new MemoryStream("a", "vRXl", { limit: 2, ttlS: 300 });
  for (const data of ["1", "2", "3"]) stream.add(data, 1000);

  expect([0, 1, 2, 3, 4].map((offset) => offsets(stream.after(offset)))).toEqual([
    "offset 0 is no longer kept, the oldest is 2",
    "offset 1 is no longer kept, the oldest is 2",
    [3],
    [],
    "unknown offset 4, the newest is 3",
  ]);
});

test("MemoryStream refuses every position, the newest included, once nothing is kept", () => {
  const stream = new MemoryStream("a", "vRXl", { limit: 100, ttlS: 10 });
  stream.add("1", 1000);

  stream.expire(1011);

  expect(stream.after(1)).toBe("no messages kept");
  expect(stream.since(0)).toEqual([]);
  expect(stream.peak()).toBe(0);
});

test("MemoryStream keeps a message for as long as its age does not exceed the time to live", () => {
  const stream = new MemoryStream("a", "vRXl", { limit: 100, ttlS: 10 });
  stream.add("1", 1000);
  stream.add("2", 1001);

  stream.expire(1010);
  const atTheLimit = stream.since(0);
  stream.expire(1011);

  expect([offsets(atTheLimit), offsets(stream.since(0))]).toEqual([[1, 2], [2]]);
});

test("MemoryStream is over after ten times its time to live without a message", () => {
  const stream = new MemoryStream("a", "vRXl", { limit: 100, ttlS: 10 });
  stream.add("1", 1000);
  stream.add("2", 1050);

  expect([1101, 1150, 1151].map((nowS) => stream.isOver(nowS))).toEqual([false, false, true]);
});

test("MemoryStream gives the same array for the same position until something changes", () => {
  const stream = new MemoryStream("a", "vRXl", { limit: 100, ttlS: 10 });
  for (const data of ["1", "2", "3"]) stream.add(data, 1000);

  const answer = stream.after(1);

  expect(stream.after(1)).toBe(answer);
  expect(stream.since(1000)).toBe(stream.since(5));
  stream.add("4", 1000);
  expect(offsets(answer)).toEqual([2, 3]);
  expect(offsets(stream.after(1))).toEqual([2, 3, 4]);
});

test("MemoryStream finds messages by time also after the system's clock was set back", () => {
  const stream = new MemoryStream("a", "vRXl", { limit: 100, ttlS: 300 });
  for (const nowS of [1000, 1005, 900, 901, 1010]) stream.add("x", nowS);

  expect([900, 1005, 1006, 1011].map((sinceS) => offsets(stream.since(sinceS)))).toEqual([
    [1, 2, 3, 4, 5],
    [2, 3, 4, 5],
    [5],
    [],
  ]);
});

test.each([0, 1, 2, 63, 64, 65, 100])(
  "MemoryStream holds what a plain list would hold, through 2 000 changes with a limit of %d",
  (limit) => {
    const stream = new MemoryStream("a", "vRXl", { limit, ttlS: 50 });
    let list: { readonly offset: number; readonly timeS: number }[] = [];

    for (let step = 1; step <= 2000; step += 1) {
      // Bursts of one to seven messages per second, with a silence now and then.
      const nowS = 1000 + Math.floor(step / (1 + (step % 7))) + (step > 1000 ? 500 : 0);
      const timeS = Math.max(nowS, list.at(-1)?.timeS ?? 0);
      stream.add(String(step), nowS);
      list = [...list, { offset: step, timeS }].slice(limit === 0 ? list.length + 1 : -limit);
      if (step % 13 === 0) {
        stream.expire(nowS);
        const alive = list.findIndex((entry) => entry.timeS >= nowS - 50);
        list = alive === -1 ? [] : list.slice(alive);
      }
      const kept = list.map((entry) => entry.offset);
      expect(offsets(stream.since(0))).toEqual(kept);
      if (kept.length > 1) expect(offsets(stream.after(kept[0] ?? 0))).toEqual(kept.slice(1));
    }
  },
);
