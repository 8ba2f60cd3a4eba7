import { expect, test } from "bun:test";
import {
  MemorySessionStore,
  type MemorySessionStoreOptions,
} from "../../src/broker/memory-sessions.ts";
import type { SessionSnapshot } from "../../src/messages/snapshot.ts";
import { FakeClock } from "../support/fake-clock.ts";

const SNAPSHOT: SessionSnapshot = {
  identifiers: "me",
  subscriptions: [],
  cstate: [],
  istate: [],
  interest: false,
  authenticatedAtMs: 1000,
};

async function start(options: Partial<MemorySessionStoreOptions> = {}) {
  const clock = new FakeClock();
  const limits = { ttlMs: 1500, maxSessions: 1000, maxBytes: 1e9 };
  const store = new MemorySessionStore({ ...limits, ...options }, { clock });
  await store.start();
  const present = async (...sids: string[]): Promise<string[]> => {
    const found: string[] = [];
    for (const sid of sids) if ((await store.restore(sid)) !== null) found.push(sid);
    return found;
  };
  return { clock, store, present };
}

test("MemorySessionStore forgets at the tick at or after the deadline, to the millisecond", async () => {
  const { clock, store, present } = await start();
  await clock.advanceAsync(500);
  await store.commit("at-2000", SNAPSHOT);
  await clock.advanceAsync(1);
  await store.commit("at-2001", SNAPSHOT);

  await clock.advanceAsync(1498);
  expect(await present("at-2000", "at-2001")).toEqual(["at-2000", "at-2001"]);
  await clock.advanceAsync(1);
  expect(await present("at-2000", "at-2001")).toEqual(["at-2001"]);
  await clock.advanceAsync(1000);
  expect(await present("at-2000", "at-2001")).toEqual([]);
});

test("MemorySessionStore forgets what was left alone longest when it is full", async () => {
  const { store, present } = await start({ maxSessions: 2 });
  await store.commit("a", SNAPSHOT);
  await store.commit("b", SNAPSHOT);
  await store.touch("a");

  await store.commit("c", SNAPSHOT);

  expect(await present("a", "b", "c")).toEqual(["a", "c"]);
});

test("MemorySessionStore forgets what was left alone longest when its sessions are too large together", async () => {
  const { store, present } = await start({ maxBytes: 100_000 });
  const large = (bytes: number): SessionSnapshot => ({
    ...SNAPSHOT,
    subscriptions: [["x".repeat(bytes), ["s"]]],
  });
  await store.commit("a", large(40_000));
  await store.commit("b", large(40_000));
  await store.commit("b", SNAPSHOT);
  await store.commit("c", large(40_000));
  await store.touch("a");

  await store.commit("d", large(40_000));
  expect(await present("a", "b", "c", "d")).toEqual(["a", "d"]);
  await store.forget("a");
  await store.commit("e", large(40_000));

  expect(await present("d", "e")).toEqual(["d", "e"]);
});

test("MemorySessionStore leaves no timer behind when it is stopped", async () => {
  const { clock, store } = await start();

  await store.stop(AbortSignal.abort());

  expect(clock.pending).toBe(0);
});
