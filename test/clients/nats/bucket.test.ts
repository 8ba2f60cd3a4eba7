import { afterEach, describe, expect, test } from "bun:test";
import { Bucket, bucketKey } from "../../../src/clients/nats/bucket.ts";
import { JetStream } from "../../../src/clients/nats/jetstream.ts";
import { FakeLog } from "../../support/fake-log.ts";
import {
  CLOCK,
  codeOf,
  HAS_NATS,
  NatsServer,
  natsLink,
  natsTitle,
  PATIENTLY,
} from "../../support/nats-server.ts";

describe.skipIf(!HAS_NATS)(natsTitle("Bucket"), () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function open(ttlMs = 60_000) {
    const nats = await NatsServer.startJetStream();
    cleanups.push(() => nats.stop());
    const { link } = natsLink([nats.url]);
    cleanups.push(() => link.stop(PATIENTLY));
    await link.start();
    const jetstream = new JetStream({ link });
    const deps = { jetstream, clock: CLOCK, log: new FakeLog() };
    const bucket = new Bucket({ name: "test", ttlMs, replicas: 1 }, deps);
    await bucket.open();
    return { nats, bucket };
  }

  test("Bucket gives what was put last, and nothing for what was removed or never there", async () => {
    const { bucket } = await open();

    await bucket.put("k", "1");
    const revision = await bucket.put("k", "ü");
    await bucket.put("gone", "x");
    await bucket.remove("gone");

    expect(await bucket.get("k")).toEqual({ key: "k", value: "ü", revision });
    expect([await bucket.get("gone"), await bucket.get("never")]).toEqual([null, null]);
  });

  test("Bucket swaps only what is as the caller knows it, deleted and missing keys included", async () => {
    const { bucket } = await open();

    const first = await bucket.swap("k", "1", null);
    expect(await bucket.swap("k", "2", null)).toBeNull();
    expect(await bucket.swap("k", "2", { key: "k", value: "1", revision: 999 })).toBeNull();
    const known = { key: "k", value: "1", revision: first ?? 0 };
    expect(await bucket.swap("k", null, known)).not.toBeNull();
    expect(await bucket.swap("k", "3", known)).toBeNull();
    expect(await bucket.swap("k", "4", null)).not.toBeNull();

    expect((await bucket.get("k"))?.value).toBe("4");
  });

  test("Bucket lets one of many who swap at once win", async () => {
    const { bucket } = await open();

    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) => bucket.swap("k", String(n), null)),
    );

    expect(results.filter((revision) => revision !== null)).toHaveLength(1);
  });

  test("Bucket lists what matches, without what was removed", async () => {
    const { bucket } = await open();
    for (const key of ["a.1", "a.2", "a.3", "b.1"]) await bucket.put(key, key);
    await bucket.remove("a.2");

    const [some, none] = [await bucket.list("a.*"), await bucket.list("c.*")];

    expect(some.map(({ key, value }) => [key, value])).toEqual([
      ["a.1", "a.1"],
      ["a.3", "a.3"],
    ]);
    expect(none).toEqual([]);
  });

  test("Bucket lists many", async () => {
    const { bucket } = await open();
    const keys = Array.from({ length: 2000 }, (_, n) => `a.${n}`);
    await Promise.all(keys.map((key) => bucket.put(key, "x")));

    expect((await bucket.list("a.*")).map(({ key }) => key).sort()).toEqual(keys.sort());
  });

  test("Bucket knows when it is no longer there", async () => {
    const { nats, bucket } = await open();
    const app = await nats.connect();
    await app.request("$JS.API.STREAM.DELETE.KV_test");
    await app.close();

    expect(await bucket.isMissing()).toBe(true);
    expect(await codeOf(() => bucket.put("k", "1"))).toBe("nats_unavailable");
    await bucket.open();
    expect(await bucket.put("k", "1")).toBe(1);
  });
});

test("bucketKey leaves keys alone that are fine, encodes the others, and keeps them apart", () => {
  const texts = ["V1StGXR8_Z5jdHi6B-myT", "a b", "a.b", "*", ">", "", "ü", "x".repeat(5000)];

  const keys = texts.map(bucketKey);

  expect(keys[0]).toBe("V1StGXR8_Z5jdHi6B-myT");
  for (const key of keys) expect(key).toMatch(/^[-_=/a-zA-Z0-9]{1,260}$/);
  expect(new Set([...keys, bucketKey(keys[1] ?? "")]).size).toBe(texts.length + 1);
});
