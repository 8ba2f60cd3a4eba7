import { afterEach, describe, expect, test } from "bun:test";
import type { SessionSnapshot } from "../../../src/messages/snapshot.ts";
import type { History } from "../../../src/ports/broker.ts";
import { epochOf, type NatsMemoryOptions, startNatsMemory } from "../../support/nats-memory.ts";
import { codeOf, HAS_NATS, NatsServer, natsTitle } from "../../support/nats-server.ts";
import { meta, publication } from "../../support/publications.ts";
import { until } from "../../support/until.ts";

const SNAPSHOT: SessionSnapshot = {
  identifiers: "u1",
  subscriptions: [["chat", ["room"]]],
  cstate: [],
  istate: [],
  interest: false,
  authenticatedAtMs: 0,
};

describe.skipIf(!HAS_NATS)(natsTitle("NatsBroker"), () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function server(): Promise<NatsServer> {
    const started = await NatsServer.startJetStream();
    cleanups.push(() => started.stop());
    return started;
  }

  async function node(nats: NatsServer, given: NatsMemoryOptions = {}) {
    const started = await startNatsMemory(nats.url, given);
    cleanups.push(started.stop);
    return started;
  }

  async function readyNode(nats: NatsServer, given: NatsMemoryOptions = {}) {
    const started = await node(nats, given);
    await until("ready", () => started.log.messages("info").includes("NATS broker is ready"));
    return started;
  }

  /** A stream's configuration, as the server tells it. */
  async function config(nats: NatsServer, stream: string): Promise<Record<string, unknown>> {
    const app = await nats.connect();
    const answer = await app.request(`$JS.API.STREAM.INFO.${stream}`);
    await app.close();
    return answer.json<{ config: Record<string, unknown> }>().config;
  }

  test("NatsBroker tells what it uses, and when it is ready", async () => {
    const nats = await server();

    const { log } = await readyNode(nats);

    expect(log.records.filter(({ level }) => level === "info")).toEqual([
      {
        level: "info",
        message: `Using NATS broker: ${nats.url} (history limit: 100, history ttl: 300s, sessions ttl: 300s)`,
        attributes: {},
      },
      {
        level: "info",
        message: "NATS broker is ready",
        attributes: {
          context: "broker",
          provider: "nats",
          epoch: expect.stringMatching(/^[-_0-9A-Za-z]{4}$/),
        },
      },
    ]);
  });

  test("NatsBroker makes the streams and buckets that nodes of the reference use", async () => {
    const nats = await server();
    const { broker } = await readyNode(nats, {
      historyLimit: 7,
      historyTtlS: 60,
      sessionsTtlS: 90,
      sessionsTtlMs: 90_000,
    });

    await broker.publish(publication("room", "1"));

    expect(await config(nats, "_ac_room")).toMatchObject({
      subjects: ["_ac_room"],
      max_msgs: 7,
      max_age: 60e9,
      num_replicas: 1,
      retention: "limits",
      discard: "old",
      storage: "file",
    });
    const sessions = await config(nats, "KV__anycable_");
    expect(sessions).toMatchObject({ max_age: 90e9, max_msgs_per_subject: 1 });
    expect(await config(nats, "KV__anycable_epoch_")).toMatchObject({ max_age: 900e9 });
  });

  test("NatsBroker shares epoch, offsets and history between nodes", async () => {
    const nats = await server();
    const [a, b] = [await readyNode(nats), await readyNode(nats)];

    for (const n of [1, 2, 3, 4]) await [a, b][n % 2]?.broker.publish(publication("room", `${n}`));

    const epoch = epochOf(a);
    expect(epochOf(b)).toBe(epoch);
    const history = await b.broker.historyFrom("room", { epoch, offset: 2 });
    expect(texts(history)).toEqual(["3:3", "4:4"]);
    expect(texts(await a.broker.historySince("room", 1))).toEqual(["1:1", "2:2", "3:3", "4:4"]);
    expect(await a.broker.peak("room")).toEqual({ epoch, offset: 4 });
    expect(await a.broker.peak("unknown")).toBeNull();
  });

  test("NatsBroker lets nobody read less than was acknowledged before, on any node", async () => {
    const nats = await server();
    const [a, b] = [await readyNode(nats), await readyNode(nats)];

    for (let n = 1; n <= 50; n += 1) {
      await a.broker.publish(publication("room", String(n)));
      expect(texts(await b.broker.historySince("room", 1))).toHaveLength(n);
    }
  });

  test("NatsBroker numbers what two nodes publish at once without gaps, in order per node", async () => {
    const nats = await server();
    const nodes = [await readyNode(nats), await readyNode(nats)];
    const numbers = Array.from({ length: 300 }, (_, n) => n);

    await Promise.all(
      nodes.flatMap(({ broker }) =>
        numbers.map((n) => broker.publish(publication("chat/1", String(n)))),
      ),
    );

    const live = nodes.map(({ pubsub }) => pubsub.delivery.publications);
    for (const each of live) expect(each.map(({ data }) => data)).toEqual(numbers.map(String));
    const offsets = live.flat().map(({ offset }) => offset);
    expect(offsets.sort((x, y) => x - y)).toEqual(numbers.concat(numbers).map((_, n) => n + 1));
  });

  test("NatsBroker passes a transient publication on in its turn, behind what was published before it", async () => {
    const nats = await server();
    const { broker, pubsub } = await readyNode(nats);
    const transient = publication("room", "w", { meta: meta({ transient: true }) });

    await Promise.all([broker.publish(publication("room", "1")), broker.publish(transient)]);

    expect(pubsub.delivery.publications.map(({ data }) => data)).toEqual(["1", "w"]);
  });

  test("NatsBroker reads long histories, and what came after a reading", async () => {
    const nats = await server();
    const { broker } = await readyNode(nats, { historyLimit: 5000 });
    const expected = Array.from({ length: 3000 }, (_, n) => `${n + 1}:${n + 1}`);
    for (let start = 0; start < 3000; start += 500) {
      const batch = expected.slice(start, start + 500);
      await Promise.all(batch.map((_, n) => broker.publish(publication("r", `${start + n + 1}`))));
    }

    expect(texts(await broker.historySince("r", 1))).toEqual(expected);
    await broker.publish(publication("r", "3001"));
    expect(texts(await broker.historySince("r", 1))).toEqual([...expected, "3001:3001"]);
  });

  test("NatsBroker answers a thousand readers that come at once with few questions", async () => {
    const nats = await server();
    const reader = await readyNode(nats);
    const { broker } = reader;
    for (let n = 0; n < 20; n += 1) await broker.publish(publication("room", String(n)));
    const questions = await countQuestions(nats);

    const epoch = epochOf(reader);
    const answers = await Promise.all(
      Array.from({ length: 1000 }, () => broker.historyFrom("room", { epoch, offset: 10 })),
    );

    expect(answers.every((answer) => texts(answer).length === 10)).toBe(true);
    expect(questions.count).toBeLessThan(10);
  });

  test("NatsBroker keeps publications that come before JetStream is there, and stores them in order", async () => {
    const nats = await NatsServer.create("-js");
    cleanups.push(() => nats.stop());
    const { broker, pubsub, log } = await node(nats);

    const accepted = ["1", "2", "3"].map((n) => broker.publish(publication("room", n)));
    await Promise.all(accepted);
    expect(pubsub.delivery.publications).toEqual([]);
    expect((await broker.historySince("room", 1)).ok).toBe(false);
    await nats.start();

    await until("ready", () => log.messages("info").includes("NATS broker is ready"));
    const live = await pubsub.delivery.publicationsReach(3);
    expect(live.map(({ offset, data }) => `${offset}:${data}`)).toEqual(["1:1", "2:2", "3:3"]);
  });

  test("NatsBroker tells how much it had to drop when JetStream never came, and whoever still waits", async () => {
    const nats = await NatsServer.create();
    cleanups.push(() => nats.stop());
    const { broker, log, stop } = await node(nats);
    await broker.publish(publication("room", "taken"));
    const waiting = codeOf(() => broker.publish(publication("room", "waits")));

    await stop();

    expect(await waiting).toBe("publish_failed");
    expect(log.records).toContainEqual({
      level: "error",
      message: "failed to publish message",
      attributes: {
        context: "broker",
        provider: "nats",
        dropped: 2,
        error: "JetStream was not ready before the end",
      },
    });
  }, 20_000);

  test("NatsBroker refuses publications while JetStream is away, goes on with its positions when it is back", async () => {
    const nats = await server();
    const { broker, pubsub, log } = await readyNode(nats);
    await broker.publish(publication("room", "1"));
    await nats.kill();

    expect(await codeOf(() => broker.publish(publication("room", "2")))).toBe("publish_failed");
    expect((await broker.historySince("room", 1)).ok).toBe(false);

    await nats.start();
    await until("JetStream is back", async () => (await broker.historySince("room", 1)).ok);
    await broker.publish(publication("room", "3"));
    const live = pubsub.delivery.publications;
    expect(live.map(({ offset, data }) => `${offset}:${data}`)).toEqual(["1:1", "2:3"]);
    expect(new Set(live.map(({ epoch }) => epoch)).size).toBe(1);
    expect(log.messages("warn")).not.toContain("epoch updated");
  });

  test("NatsBroker drops what NATS will never take, with size and limit in the log, and stores nothing of it", async () => {
    const nats = await server();
    const { broker, pubsub, log } = await readyNode(nats);
    await broker.publish(publication("room", "1"));

    // The first one alone would fit and get a position, but no node could pass it on.
    await broker.publish(publication("room", "x".repeat(1_048_576 - 10)));
    await broker.publish(publication("room", "x".repeat(1_048_577)));
    await broker.publish(publication("room", "2"));

    const live = pubsub.delivery.publications;
    expect(live.map(({ offset, data }) => `${offset}:${data}`)).toEqual(["1:1", "2:2"]);
    const errors = log.records.filter(({ level }) => level === "error");
    expect(errors).toEqual(
      [1_048_657, 1_048_668].map((bytes) => ({
        level: "error",
        message: "failed to publish message",
        attributes: {
          context: "broker",
          provider: "nats",
          stream: "room",
          error: `a message of ${bytes} bytes, NATS allows 1048576`,
        },
      })),
    );
  }, 20_000);

  test("NatsBroker takes what just fits", async () => {
    const nats = await server();
    const { broker, pubsub, log } = await readyNode(nats);

    await broker.publish(publication("room", "x".repeat(1_048_576 - 100)));

    expect(pubsub.delivery.publications.map(({ offset }) => offset)).toEqual([1]);
    expect(log.messages("error")).toEqual([]);
  });

  test("NatsBroker begins a new epoch when what was stored is lost, so that old positions are refused", async () => {
    const nats = await server();
    const [a, b] = [await readyNode(nats), await readyNode(nats)];
    await a.broker.publish(publication("room", "1"));
    await a.broker.publish(publication("room", "2"));
    const epoch = epochOf(a);
    await nats.kill();
    nats.wipe();
    await nats.start();

    await until("a new beginning", async () => {
      return (await codeOf(() => a.broker.publish(publication("room", "3")))) === "no error";
    });

    const fresh = a.pubsub.delivery.publications.at(-1);
    expect(fresh?.offset).toBe(1);
    expect(fresh?.epoch).not.toBe(epoch);
    expect((await b.broker.historyFrom("room", { epoch, offset: 1 })).ok).toBe(false);
    await until("both agree", () => epochOf(b) === fresh?.epoch);
  }, 15_000);

  test("NatsBroker begins a new epoch when one stream was lost behind its back", async () => {
    const nats = await server();
    const { broker, pubsub } = await readyNode(nats);
    await broker.publish(publication("room", "1"));
    const app = await nats.connect();
    await app.request("$JS.API.STREAM.DELETE._ac_room");
    await app.close();

    await broker.publish(publication("room", "2"));

    const [before, after] = pubsub.delivery.publications;
    expect([before?.offset, after?.offset]).toEqual([1, 1]);
    expect(after?.epoch).not.toBe(before?.epoch);
  });

  test("NatsBroker begins one new epoch, not one per stream, when everything is lost", async () => {
    const nats = await server();
    const { broker, pubsub } = await readyNode(nats);
    const streams = Array.from({ length: 20 }, (_, n) => `room${n}`);
    for (const stream of streams) await broker.publish(publication(stream, "1"));
    await nats.kill();
    nats.wipe();
    await nats.start();
    await until("JetStream is back", async () => (await broker.historySince("room0", 1)).ok);

    for (const stream of streams) await broker.publish(publication(stream, "2"));

    const after = pubsub.delivery.publications.slice(20);
    expect(new Set(after.map(({ offset, epoch }) => `${offset} ${epoch}`)).size).toBe(1);
  }, 15_000);

  test("NatsSessionStore keeps sessions again after JetStream has lost everything, without a restart", async () => {
    const nats = await server();
    const { sessions } = await readyNode(nats);
    await sessions.commit("s1", SNAPSHOT);
    await nats.kill();
    nats.wipe();
    await nats.start();

    await until("a session is kept", async () => {
      return (await codeOf(() => sessions.commit("s2", SNAPSHOT))) === "no error";
    });

    expect(await sessions.restore("s2")).toEqual(SNAPSHOT);
    expect(await sessions.restore("s1")).toBeNull();
    await sessions.forget("s2");
    expect(await sessions.restore("s2")).toBeNull();
  }, 15_000);

  test("NatsBroker finds epoch and history again after its own restart", async () => {
    const nats = await server();
    const first = await readyNode(nats);
    await first.broker.publish(publication("chat/1", "1"));
    await first.stop();

    const second = await readyNode(nats);

    const history = await second.broker.historySince("chat/1", 1);
    expect(texts(history)).toEqual(["1:1"]);
    await second.broker.publish(publication("chat/1", "2"));
    expect(second.pubsub.delivery.publications[0]).toEqual(
      publication("chat/1", "2", { offset: 2, epoch: epochOf(first) }),
    );
  });

  test("NatsBroker makes the bucket of sessions anew, with a warning, when its time to live has changed", async () => {
    const nats = await server();
    const first = await readyNode(nats, { sessionsTtlMs: 60_000 });
    await first.stop();

    const { log } = await readyNode(nats, { sessionsTtlMs: 90_000 });

    expect(log.records.filter(({ level }) => level === "warn")).toEqual([
      {
        level: "warn",
        message: "bucket TTL has been changed, recreating the bucket",
        attributes: { context: "broker", provider: "nats", bucket: "_anycable_" },
      },
    ]);
    expect(await config(nats, "KV__anycable_")).toMatchObject({ max_age: 90e9 });
  });

  /** Counts what is asked of JetStream from now on. */
  async function countQuestions(nats: NatsServer): Promise<{ count: number }> {
    const counter = { count: 0 };
    const ear = await nats.connect();
    cleanups.push(() => ear.close());
    ear.subscribe("$JS.API.>", {
      callback: () => {
        counter.count += 1;
      },
    });
    await ear.flush();
    return counter;
  }
});

/** `offset:data` of each publication. */
function texts(history: History): readonly string[] {
  if (!history.ok) throw new Error(`history was refused: ${history.reason}`);
  return history.publications.map(({ offset, data }) => `${offset}:${data}`);
}
