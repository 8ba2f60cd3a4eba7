import { expect, test } from "bun:test";
import {
  Keepalive,
  type KeepaliveOwner,
  pingTimestamp,
} from "../../../src/core/session/keepalive.ts";
import { TimerWheel } from "../../../src/core/session/timer-wheel.ts";
import { FakeClock } from "../../support/fake-clock.ts";

class Owner implements KeepaliveOwner {
  isAuthenticated = true;
  /** What happened, with the milliseconds since the start. */
  readonly events: string[] = [];
  private readonly clock: FakeClock;
  private readonly startedAt: number;

  constructor(clock: FakeClock) {
    this.clock = clock;
    this.startedAt = clock.now();
  }

  ping(): void {
    this.events.push(`ping ${this.clock.now() - this.startedAt}`);
  }

  noPong(): void {
    this.events.push(`no pong ${this.clock.now() - this.startedAt}`);
  }
}

function started(options: { intervalMs: number; timeoutMs: number; random?: number }): {
  clock: FakeClock;
  owner: Owner;
  keepalive: Keepalive;
} {
  const clock = new FakeClock();
  const wheel = new TimerWheel({ clock });
  wheel.start();
  const owner = new Owner(clock);
  const random = options.random ?? 0.5;
  return { clock, owner, keepalive: new Keepalive(options, { owner, wheel, random }) };
}

test("Keepalive sends the first ping after half to one and a half intervals, then one per interval", () => {
  const early = started({ intervalMs: 3000, timeoutMs: 0, random: 0 });
  const late = started({ intervalMs: 3000, timeoutMs: 0, random: 1 });

  early.clock.advance(8000);
  late.clock.advance(8000);

  expect(early.owner.events).toEqual(["ping 1500", "ping 4500", "ping 7500"]);
  expect(late.owner.events).toEqual(["ping 4500", "ping 7500"]);
});

test("Keepalive without an interval neither pings nor expects anything", () => {
  for (const intervalMs of [0, -1000]) {
    const { clock, owner } = started({ intervalMs, timeoutMs: 1000 });

    clock.advance(100_000);

    expect(owner.events).toEqual([]);
  }
});

test("Keepalive gives a silent client up one timeout after the first ping", () => {
  const { clock, owner } = started({ intervalMs: 10_000, timeoutMs: 3000 });

  clock.advance(13_000);

  expect(owner.events).toEqual(["ping 10000", "no pong 13000"]);
});

test("Keepalive does not push the deadline with later pings", () => {
  const { clock, owner } = started({ intervalMs: 1000, timeoutMs: 2500 });

  clock.advance(3500);

  expect(owner.events).toEqual(["ping 1000", "ping 2000", "ping 3000", "no pong 3500"]);
});

test("Keepalive sends the ping first that is due together with the deadline", () => {
  const { clock, owner } = started({ intervalMs: 1000, timeoutMs: 1000 });

  clock.advance(2000);

  expect(owner.events).toEqual(["ping 1000", "ping 2000", "no pong 2000"]);
});

test("Keepalive keeps a client that answers every ping", () => {
  const { clock, owner, keepalive } = started({ intervalMs: 1000, timeoutMs: 600 });

  for (let i = 0; i < 10; i++) {
    clock.advance(1000);
    keepalive.alive();
  }

  expect(owner.events).toHaveLength(10);
  expect(owner.events.some((event) => event.startsWith("no pong"))).toBe(false);
});

test("Keepalive drops a deadline that passes before authentication and enforces the next [Q19]", () => {
  const { clock, owner } = started({ intervalMs: 1000, timeoutMs: 500 });
  owner.isAuthenticated = false;
  clock.advance(1700);

  owner.isAuthenticated = true;
  clock.advance(800);

  expect(owner.events).toEqual(["ping 1000", "ping 2000", "no pong 2500"]);
});

test("Keepalive gives a ping that went out during a command another timeout after it", () => {
  const { clock, owner, keepalive } = started({ intervalMs: 1000, timeoutMs: 3000 });
  keepalive.alive();
  clock.advance(3900);

  keepalive.commandEnded();
  clock.advance(3000);
  expect(owner.events.filter((event) => event.startsWith("no pong"))).toEqual([]);
  clock.advance(200);

  expect(owner.events.at(-2)).toBe("ping 7000");
  expect(owner.events.at(-1)).toBe("no pong 7000");
});

test("Keepalive does nothing any more when it is stopped", () => {
  const { clock, owner, keepalive } = started({ intervalMs: 1000, timeoutMs: 500 });

  keepalive.stop();
  clock.advance(10_000);

  expect(owner.events).toEqual([]);
});

test("pingTimestamp prints whole seconds, milliseconds, or all 19 digits of nanoseconds", () => {
  const now = 1_700_000_000_123.456;

  expect(pingTimestamp(now, "s")).toBe("1700000000");
  expect(pingTimestamp(now, "ms")).toBe("1700000000123");
  expect(pingTimestamp(now, "ns")).toMatch(/^1700000000123456\d{3}$|^1700000000123455\d{3}$/);
  expect(pingTimestamp(1_700_000_000_123, "ns")).toBe("1700000000123000000");
});
