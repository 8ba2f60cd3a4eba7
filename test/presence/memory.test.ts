import { expect, test } from "bun:test";
import { ServerError } from "../../src/messages/server-error.ts";
import { parseStreamRules } from "../../src/messages/stream-rules.ts";
import { MemoryPresenceStore } from "../../src/presence/memory.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeLog } from "../support/fake-log.ts";
import { RecordingPubSub } from "../support/recording-pubsub.ts";

async function start(
  options: { readonly ttlMs?: number; readonly rules?: readonly string[] } = {},
) {
  const clock = new FakeClock();
  const log = new FakeLog();
  const pubsub = new RecordingPubSub();
  const store = new MemoryPresenceStore(
    { ttlMs: options.ttlMs ?? 15_000, streamRules: parseStreamRules(options.rules ?? []) },
    { clock, pubsub, log },
  );
  await store.start();
  const events = (): string[] => pubsub.delivery.publications.map(({ data }) => data);
  return { clock, log, pubsub, store, events };
}

test("MemoryPresenceStore keeps the deadline of the first join, whatever is joined again or besides", async () => {
  const { clock, events, store } = await start();
  await store.join("r", "s1", "42", "");
  await clock.advanceAsync(10_000);
  await store.join("r", "s1", "42", "");
  await store.join("q", "s1", "42", "");

  await clock.advanceAsync(5000);

  expect(events().slice(2)).toEqual(['{"id":"42","type":"leave"}', '{"id":"42","type":"leave"}']);
});

test("MemoryPresenceStore gives a session that left everything a new deadline", async () => {
  const { clock, events, store } = await start();
  await store.join("r", "s1", "42", "");
  await clock.advanceAsync(10_000);
  await store.leave("r", "s1");
  await store.join("r", "s1", "42", "");

  await clock.advanceAsync(14_000);
  expect(events()).toHaveLength(3);
  await clock.advanceAsync(1000);
  expect(events()).toHaveLength(4);
});

test("MemoryPresenceStore tells no event when a session comes back under a new sid within the time", async () => {
  const { clock, events, store } = await start();
  await store.join("r", "old", "42", "");
  await store.touch("old");
  await clock.advanceAsync(3000);

  await store.join("r", "new", "42", "");
  await clock.advanceAsync(10_000);
  await store.touch("new");
  await clock.advanceAsync(10_000);

  expect(events()).toEqual(['{"id":"42","type":"join"}']);
});

test("MemoryPresenceStore with a time to live of 0 lets records vanish at the next tick", async () => {
  const { clock, store } = await start({ ttlMs: 0 });
  await store.join("r", "s1", "42", "");

  await clock.advanceAsync(1000);

  expect(await store.info("r", true)).toEqual({ total: 0, records: [] });
});

test("MemoryPresenceStore touches the records of every rule's time to live", async () => {
  const { clock, events, store } = await start({ rules: ["short/*:presence_ttl=2"] });
  await store.join("r", "s1", "1", "");
  await store.join("short/1", "s1", "2", "");
  await clock.advanceAsync(1000);
  await store.touch("s1");

  await clock.advanceAsync(2000);
  expect(events().slice(2)).toEqual(['{"id":"2","type":"leave"}']);
  await clock.advanceAsync(12_000);
  expect(events().slice(2)).toEqual(['{"id":"2","type":"leave"}']);
  await clock.advanceAsync(1000);
  expect(events()[3]).toBe('{"id":"1","type":"leave"}');
});

test("MemoryPresenceStore logs an event that cannot be published and keeps the change", async () => {
  const { clock, log, pubsub, store } = await start();
  pubsub.failure = new ServerError("publish_failed", "connection lost");

  expect(await store.join("r", "s1", "42", "")).toEqual({ ok: true });
  expect((await store.info("r", false))?.total).toBe(1);
  await clock.advanceAsync(16_000);

  const record = {
    level: "error",
    message: "failed to publish presence event",
    attributes: { stream: "r", error: "connection lost" },
  } as const;
  expect(log.records).toEqual([record, record]);
  expect((await store.info("r", false))?.total).toBe(0);
});

test("MemoryPresenceStore tells every leave exactly once, also of who left before the deadline", async () => {
  const { clock, events, store } = await start();
  for (let n = 0; n < 1000; n += 1) await store.join(`r${n}`, `s${n}`, "42", "");
  for (let n = 0; n < 500; n += 1) await store.leave(`r${n}`, `s${n}`);

  await clock.advanceAsync(16_000);
  await clock.advanceAsync(60_000);

  expect(events()).toHaveLength(2000);
});

test("MemoryPresenceStore leaves no timer behind when it is stopped", async () => {
  const { clock, store } = await start();

  await store.stop(AbortSignal.abort());

  expect(clock.pending).toBe(0);
});
