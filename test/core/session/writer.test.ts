import { expect, spyOn, test } from "bun:test";
import { type Flushable, Writer } from "../../../src/core/session/writer.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { settled } from "../../support/node-room.ts";

class RecordingFlushable implements Flushable {
  flushes = 0;
  checks = 0;
  onFlush: () => void = () => undefined;
  onCheck: () => void = () => undefined;

  flush(): void {
    this.flushes++;
    this.onFlush();
  }

  checkStall(): void {
    this.checks++;
    this.onCheck();
  }
}

test("Writer flushes whatever is scheduled in a turn at its end, and only once", async () => {
  const writer = new Writer({ clock: new FakeClock() });
  const flushable = new RecordingFlushable();

  writer.schedule(flushable);
  await Promise.resolve();
  expect(flushable.flushes).toBe(0);
  await settled();

  expect(flushable.flushes).toBe(1);
});

test("Writer flushes the others in the next turn when one throws", () => {
  const turns = spyOn(globalThis, "setImmediate");
  const [broken, other] = [new RecordingFlushable(), new RecordingFlushable()];
  broken.onFlush = () => {
    throw new TypeError("a bug");
  };
  const writer = new Writer({ clock: new FakeClock() });

  const hold = (callback: () => void): number => pending.push(callback);
  // Proof: the writer calls it with a callback only and ignores the result.
  turns.mockImplementation(hold as unknown as typeof setImmediate);
  const pending: (() => void)[] = [];
  try {
    writer.schedule(broken);
    writer.schedule(other);
    expect(() => pending.shift()?.()).toThrow("a bug");
    pending.shift()?.();
  } finally {
    turns.mockRestore();
  }

  expect(other.flushes).toBe(1);
});

test("Writer looks after stalled ones every 100 ms, as long as there are any", () => {
  const clock = new FakeClock();
  const writer = new Writer({ clock });
  const flushable = new RecordingFlushable();

  writer.watch(flushable);
  clock.advance(350);
  expect(flushable.checks).toBe(3);
  writer.unwatch(flushable);
  clock.advance(1000);

  expect(flushable.checks).toBe(3);
  expect(clock.pending).toBe(0);
});

test("Writer goes on to look after the stalled when a check throws", () => {
  const clock = new FakeClock();
  const writer = new Writer({ clock });
  const flushable = new RecordingFlushable();
  flushable.onCheck = () => {
    throw new TypeError("a bug");
  };
  writer.watch(flushable);
  expect(() => clock.advance(100)).toThrow("a bug");

  flushable.onCheck = () => undefined;
  clock.advance(200);

  expect(flushable.checks).toBe(3);
});
