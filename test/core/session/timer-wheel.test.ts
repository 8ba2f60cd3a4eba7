import { expect, test } from "bun:test";
import { type Sleeper, TimerWheel } from "../../../src/core/session/timer-wheel.ts";
import { FakeClock } from "../../support/fake-clock.ts";

class RecordingSleeper implements Sleeper {
  wakeAt = 0;
  readonly wakes: number[] = [];
  private readonly next: (now: number) => number;

  constructor(next: (now: number) => number = () => Number.POSITIVE_INFINITY) {
    this.next = next;
  }

  awake(now: number): number {
    this.wakes.push(now);
    return this.next(now);
  }
}

/** A clock that can be set, like that of a machine. */
class SettableClock extends FakeClock {
  offsetMs = 0;

  override now(): number {
    return super.now() + this.offsetMs;
  }
}

function startedWheel(clock: FakeClock = new FakeClock()): TimerWheel {
  const wheel = new TimerWheel({ clock });
  wheel.start();
  return wheel;
}

test("TimerWheel wakes a sleeper once, at its time or up to 50 ms later", () => {
  const clock = new FakeClock();
  const wheel = startedWheel(clock);
  const sleeper = new RecordingSleeper();

  wheel.wake(sleeper, 1010);
  clock.advance(1000);
  expect(sleeper.wakes).toEqual([]);
  clock.advance(100_000);

  expect(sleeper.wakes).toEqual([1050]);
});

test("TimerWheel wakes a sleeper again at the time it names", () => {
  const clock = new FakeClock();
  const sleeper = new RecordingSleeper((now) => now + 3000);

  startedWheel(clock).wake(sleeper, 3000);
  clock.advance(9000);

  expect(sleeper.wakes).toEqual([3000, 6000, 9000]);
});

test("TimerWheel keeps a time beyond one revolution of its slots", () => {
  const clock = new FakeClock();
  const wheel = startedWheel(clock);
  const sleeper = new RecordingSleeper();

  wheel.wake(sleeper, 3_600_000);
  clock.advance(3_599_999);
  expect(sleeper.wakes).toEqual([]);
  clock.advance(1);

  expect(sleeper.wakes).toEqual([3_600_000]);
});

test("TimerWheel follows a sleeper that moves, in both directions", () => {
  const clock = new FakeClock();
  const wheel = startedWheel(clock);
  const [later, earlier] = [new RecordingSleeper(), new RecordingSleeper()];
  wheel.wake(later, 100);
  wheel.wake(earlier, 5000);

  wheel.wake(later, 2000);
  wheel.wake(earlier, 200);
  clock.advance(10_000);

  expect([later.wakes, earlier.wakes]).toEqual([[2000], [200]]);
});

test("TimerWheel lets a sleeper go that wants to sleep for ever", () => {
  const clock = new FakeClock();
  const wheel = startedWheel(clock);
  const sleeper = new RecordingSleeper();
  wheel.wake(sleeper, 100);

  wheel.wake(sleeper, Number.POSITIVE_INFINITY);
  clock.advance(200_000);

  expect(sleeper.wakes).toEqual([]);
});

test("TimerWheel wakes for a time that has passed at its next turn", () => {
  const clock = new FakeClock();
  const wheel = startedWheel(clock);
  clock.advance(10_000);
  const sleeper = new RecordingSleeper();

  wheel.wake(sleeper, 1);
  clock.advance(50);

  expect(sleeper.wakes).toEqual([10_050]);
});

test("TimerWheel goes on when the clock is set back an hour", () => {
  const clock = new SettableClock();
  const sleeper = new RecordingSleeper((now) => now + 3000);
  startedWheel(clock).wake(sleeper, 3000);
  clock.advance(4000);

  clock.offsetMs = -3_600_000;
  clock.advance(6100);

  expect(sleeper.wakes).toHaveLength(3);
});

test("TimerWheel does not count an hour that the process has slept through", () => {
  const clock = new SettableClock();
  const sleeper = new RecordingSleeper();
  startedWheel(clock).wake(sleeper, 5000);
  clock.advance(1000);

  clock.offsetMs = 3_600_000;
  clock.advance(2900);
  expect(sleeper.wakes).toEqual([]);
  clock.advance(200);

  expect(sleeper.wakes).toHaveLength(1);
});

test("TimerWheel wakes the others of a slot, and later ones, when one of them throws", () => {
  const clock = new FakeClock();
  const wheel = startedWheel(clock);
  const broken = new RecordingSleeper(() => {
    throw new TypeError("a bug");
  });
  const [same, next] = [new RecordingSleeper(), new RecordingSleeper()];
  wheel.wake(broken, 100);
  wheel.wake(same, 100);
  wheel.wake(next, 500);

  expect(() => clock.advance(100)).toThrow("a bug");
  clock.advance(1000);

  expect([same.wakes.length, next.wakes.length]).toEqual([1, 1]);
});

test("TimerWheel leaves no timer behind when it is stopped", () => {
  const clock = new FakeClock();
  const wheel = startedWheel(clock);
  clock.advance(100);

  wheel.stop();

  expect(clock.pending).toBe(0);
});
