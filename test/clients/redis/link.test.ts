import { expect, test } from "bun:test";
import type { RedisConnection } from "../../../src/clients/redis/connection.ts";
import { Link, type LinkOwner } from "../../../src/clients/redis/link.ts";
import { ServerError } from "../../../src/messages/server-error.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** A connection that ends when it is told to. */
class FakeConnection implements RedisConnection {
  readonly address = "fake:1";
  readonly runTag = "";
  readonly #closed = Promise.withResolvers<ServerError>();
  readonly closed = this.#closed.promise;

  call = async () => null;
  script = async () => null;
  transaction = async () => [];
  close = () => this.break("closed");
  break(reason: string): void {
    this.#closed.resolve(new ServerError("redis_unavailable", reason));
  }
}

/** An owner that writes down what it is told. `plan` says for each try whether it connects and gets to work. */
function createOwner(plan: ("refused" | "useless" | "works")[]) {
  const events: string[] = [];
  const connections: FakeConnection[] = [];
  const owner: LinkOwner<FakeConnection> = {
    open: async () => {
      if (plan[0] !== "useless" && plan[0] !== "works") {
        plan.shift();
        throw new ServerError("redis_unavailable", "refused");
      }
      const connection = new FakeConnection();
      connections.push(connection);
      return connection;
    },
    run: async (connection, up) => {
      if (plan.shift() === "useless") throw new ServerError("redis_reply", "ERR no");
      up();
      events.push("up");
      throw await connection.closed;
    },
    lost: (error, wasUp) => void events.push(`${wasUp ? "lost" : "failed"}: ${error.message}`),
    waiting: (delayMs) => void events.push(`wait ${delayMs}`),
    retrying: () => void events.push("retry"),
    exhausted: () => void events.push("exhausted"),
  };
  return { owner, events, connections };
}

function createLink(plan: ("refused" | "useless" | "works")[], maxAttempts: number | null = 5) {
  const clock = new FakeClock();
  const tale = createOwner(plan);
  const link = new Link({ maxAttempts }, tale.owner, { clock, random: () => 0 });
  return { ...tale, clock, link };
}

test("Link gives up with the sixth failure in a row when five are survived", async () => {
  const { link, clock, events } = createLink([]);
  await link.start(1000);

  await clock.advanceAsync(60_000);

  expect(events.filter((event) => event.startsWith("wait"))).toEqual([
    "wait 250",
    "wait 2000",
    "wait 4000",
    "wait 8000",
    "wait 16000",
  ]);
  expect(events.filter((event) => event === "failed: refused")).toHaveLength(6);
  expect(events.at(-1)).toBe("exhausted");
  expect(clock.pending).toBe(0);
});

test("Link gives up at the first failure when none is survived", async () => {
  const { link, events } = createLink([], 0);

  await link.start(1000);

  expect(events).toEqual(["failed: refused", "exhausted"]);
});

test("Link never gives up without a limit", async () => {
  const { link, clock, events } = createLink([], null);
  await link.start(1000);

  await clock.advanceAsync(600_000);

  expect(events).not.toContain("exhausted");
  expect(events.filter((event) => event === "retry").length).toBeGreaterThan(30);
  await link.stop();
});

test("Link counts failures anew when a connection has done its job, not when it was only made", async () => {
  const { link, clock, events, connections } = createLink([
    "useless",
    "useless",
    "works",
    "refused",
  ]);
  await link.start(1000);
  await clock.advanceAsync(2250);
  expect(link.live).toBe(connections[2] ?? null);

  connections[2]?.break("gone");
  await clock.advanceAsync(100);
  expect(link.live).toBeNull();
  await clock.advanceAsync(150);

  expect(events).toEqual([
    "failed: ERR no",
    "wait 250",
    "retry",
    "failed: ERR no",
    "wait 2000",
    "retry",
    "up",
    "lost: gone",
    "wait 250",
    "retry",
    "failed: refused",
    "wait 2000",
  ]);
  await link.stop();
});

test("Link cuts a pause short when told that the server is back", async () => {
  const { link, clock, events } = createLink(["refused", "refused", "works"]);
  await link.start(1000);
  await clock.advanceAsync(250);
  expect(events.at(-1)).toBe("wait 2000");

  link.retryNow();
  await clock.advanceAsync(0);

  expect(events.at(-1)).toBe("up");
  await link.stop();
});

test("Link stops at once: in a pause, at work, and before it was started", async () => {
  const pausing = createLink(["refused"]);
  const working = createLink(["works"]);
  const unused = createLink([]);
  await Promise.all([pausing.link.start(1000), working.link.start(1000)]);

  await Promise.all([pausing, working, unused].map(({ link }) => link.stop()));

  expect(pausing.events).toEqual(["failed: refused", "wait 250"]);
  expect(working.events).toEqual(["up"]);
  expect([pausing, working, unused].map(({ clock }) => clock.pending)).toEqual([0, 0, 0]);
});

test("Link does not hold up the start longer than told when a server is silent", async () => {
  const { link, clock, owner } = createLink(["works"]);
  let giveUp: AbortSignal | null = null;
  owner.open = (signal) => {
    giveUp = signal;
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("given up")));
    });
  };
  let isStarted = false;
  const started = link.start(1000).then(() => {
    isStarted = true;
  });
  await clock.advanceAsync(999);
  expect(isStarted).toBe(false);

  await clock.advanceAsync(1);

  await started;
  await link.stop();
  expect((giveUp as AbortSignal | null)?.aborted).toBe(true);
});
