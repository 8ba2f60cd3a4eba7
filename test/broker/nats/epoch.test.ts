import { afterEach, describe, expect, test } from "bun:test";
import { createRandomId } from "../../../src/app/random-id.ts";
import { NatsEpoch } from "../../../src/broker/nats/epoch.ts";
import { JetStream } from "../../../src/clients/nats/jetstream.ts";
import { FakeLog } from "../../support/fake-log.ts";
import {
  CLOCK,
  HAS_NATS,
  NatsServer,
  natsLink,
  natsTitle,
  PATIENTLY,
} from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";

describe.skipIf(!HAS_NATS)(natsTitle("NatsEpoch"), () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function server(): Promise<NatsServer> {
    const started = await NatsServer.startJetStream();
    cleanups.push(() => started.stop());
    return started;
  }

  async function open(nats: NatsServer, ttlMs = 60_000) {
    const { link } = natsLink([nats.url]);
    cleanups.push(() => link.stop(PATIENTLY));
    await link.start();
    const log = new FakeLog();
    const jetstream = new JetStream({ link });
    const randomId = createRandomId();
    const epoch = new NatsEpoch(
      { ttlMs, replicas: 1 },
      { jetstream, link, clock: CLOCK, randomId, log },
    );
    cleanups.push(() => epoch.close());
    await epoch.open();
    return { epoch, log, link };
  }

  test("NatsEpoch is one for all that open it at once", async () => {
    const nats = await server();

    const nodes = await Promise.all([open(nats), open(nats), open(nats), open(nats)]);

    const epochs = new Set(nodes.map(({ epoch }) => epoch.current));
    expect(epochs.size).toBe(1);
    expect([...epochs][0]).toMatch(/^[-_0-9A-Za-z]{4}$/);
  });

  test("NatsEpoch outlives its bucket's time to live while a node keeps it", async () => {
    const nats = await server();
    const { epoch } = await open(nats, 2000);

    await Bun.sleep(3500);

    const { epoch: later } = await open(nats, 2000);
    expect(later.current).toBe(epoch.current);
  });

  test("NatsEpoch renewed by one is heard by all, at once, and told", async () => {
    const nats = await server();
    const [a, b] = [await open(nats), await open(nats)];
    const before = a.epoch.current;

    await Promise.all([a.epoch.renew(before), a.epoch.renew(before)]);

    expect(a.epoch.current).not.toBe(before);
    await until("the other one knows", () => b.epoch.current === a.epoch.current);
    expect(b.log.records).toEqual([
      { level: "warn", message: "epoch updated", attributes: { epoch: a.epoch.current } },
    ]);
  });

  test("NatsEpoch renewed by two at once ends as one", async () => {
    const nats = await server();
    const [a, b] = [await open(nats), await open(nats)];

    const before = a.epoch.current;

    await Promise.all([a.epoch.renew(before), b.epoch.renew(before)]);

    await until("they agree", () => a.epoch.current === b.epoch.current);
  });

  // It once answered with the old epoch for some milliseconds after a reconnect: positions of what was lost were taken for good.
  test("NatsEpoch is confirmed only when what is stored since a lost connection is known", async () => {
    const nats = await server();
    const { epoch, link } = await open(nats);
    const before = epoch.current;
    const confirmed: Promise<string>[] = [];
    link.watch((isUp) => {
      if (isUp) confirmed.push(epoch.confirmed());
    });
    await nats.kill();
    nats.wipe();

    await nats.start();

    await until("a reconnect", () => confirmed.length === 1);
    expect(await confirmed[0]).not.toBe(before);
    expect(await confirmed[0]).toBe(epoch.current);
  });

  test("NatsEpoch is another one after JetStream has lost everything", async () => {
    const nats = await server();
    const { epoch } = await open(nats);
    const before = epoch.current;
    await nats.kill();
    nats.wipe();

    await nats.start();

    await until("a new epoch", () => epoch.current !== before);
  });
});
