import { afterEach, describe, expect, test } from "bun:test";
import type { NatsPresenceStoreOptions } from "../../../src/presence/nats/store.ts";
import { type NatsPresenceNode, startNatsPresence } from "../../support/nats-presence.ts";
import { codeOf, HAS_NATS, NatsServer, natsTitle } from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";

const ROOM = "room/1";
const VERA = '{"name":"V"}';
const JOIN = '{"id":"42","info":{"name":"V"},"type":"join"}';
const LEAVE = '{"id":"42","type":"leave"}';

describe.skipIf(!HAS_NATS)(natsTitle("NatsPresenceStore"), () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function server(): Promise<NatsServer> {
    const started = await NatsServer.startJetStream();
    cleanups.push(() => started.stop());
    return started;
  }

  async function node(nats: NatsServer, given: Partial<NatsPresenceStoreOptions> = {}) {
    const started = await startNatsPresence(nats.url, given);
    cleanups.push(started.stop);
    return started;
  }

  /** What any of the nodes has published, node by node. */
  function events(...nodes: readonly NatsPresenceNode[]): readonly string[] {
    return nodes.flatMap(({ pubsub }) => pubsub.delivery.publications.map(({ data }) => data));
  }

  async function total({ store }: NatsPresenceNode): Promise<number> {
    return (await store.info(ROOM, false))?.total ?? -1;
  }

  test("NatsPresenceStore is one for all nodes: one join, one leave, one set", async () => {
    const nats = await server();
    const [a, b] = [await node(nats), await node(nats)];

    await a.store.join(ROOM, "s1", "42", VERA);
    await b.store.join(ROOM, "s2", "42", '{"name":"W"}');
    expect(await a.store.info(ROOM, true)).toEqual({
      total: 1,
      records: [{ id: "42", info: '{"name":"W"}' }],
    });
    await a.store.leave(ROOM, "s1");
    expect(await total(b)).toBe(1);
    await b.store.leave(ROOM, "s2");

    expect([events(a), events(b)]).toEqual([[JOIN], [LEAVE]]);
    expect([await total(a), await total(b)]).toEqual([0, 0]);
  });

  test("NatsPresenceStore publishes one join and one leave when many nodes do it at once", async () => {
    const nats = await server();
    const nodes = await Promise.all([node(nats), node(nats), node(nats), node(nats)]);

    await Promise.all(nodes.map(({ store }, n) => store.join(ROOM, `s${n}`, "42", VERA)));
    expect(events(...nodes)).toEqual([JOIN]);
    await Promise.all(nodes.map(({ store }, n) => store.leave(ROOM, `s${n}`)));

    expect(events(...nodes).toSorted()).toEqual([JOIN, LEAVE].toSorted());
    expect(await total(nodes[0] as NatsPresenceNode)).toBe(0);
  });

  test("NatsPresenceStore writes once for many sessions of one member on one node", async () => {
    const nats = await server();
    const a = await node(nats);
    const ear = await nats.connect();
    cleanups.push(() => ear.close());
    let writes = 0;
    ear.subscribe("$KV._anycable_presence_.>", {
      callback: () => {
        writes += 1;
      },
    });
    await ear.flush();

    const sids = Array.from({ length: 500 }, (_, n) => `s${n}`);
    await Promise.all(sids.map((sid) => a.store.join(ROOM, sid, "guest", "")));
    await Promise.all(sids.slice(1).map((sid) => a.store.leave(ROOM, sid)));
    await ear.flush();

    expect(writes).toBe(1);
    expect(await total(a)).toBe(1);
  });

  test("NatsPresenceStore makes its bucket again when it was deleted, with all members of this node", async () => {
    const nats = await server();
    const a = await node(nats);
    await a.store.join(ROOM, "s1", "42", VERA);
    const app = await nats.connect();
    await app.request("$JS.API.STREAM.DELETE.KV__anycable_presence_");
    await app.close();

    // Nothing else tells of the loss: the connection is up all the time.
    await until("joins work", async () => {
      return (await codeOf(() => a.store.join(ROOM, "s2", "43", ""))) === "no error";
    });

    await until("both are there", async () => (await total(a)) === 2);
  }, 20_000);

  test("NatsPresenceStore lists many members of a stream, and only those", async () => {
    const nats = await server();
    const [a, b] = [await node(nats, { ttlMs: 60_000 }), await node(nats, { ttlMs: 60_000 })];
    const ids = Array.from({ length: 300 }, (_, n) => `id ${n}.*`);

    await Promise.all(ids.map((id, n) => [a, b][n % 2]?.store.join(ROOM, `s${n}`, id, "")));
    await a.store.join("room/2", "s", "other", "");

    const info = await b.store.info(ROOM, true);
    expect(info?.total).toBe(300);
    expect(info?.records.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  });

  test("NatsPresenceStore lets members of a crashed node leave, once, soon after their time to live", async () => {
    const nats = await server();
    const [a, b, c] = [await node(nats), await node(nats), await node(nats)];
    await a.store.join(ROOM, "s1", "42", VERA);
    await a.store.join(ROOM, "s2", "43", "");
    await b.store.join(ROOM, "s3", "43", "");
    const startedMs = performance.now();

    await a.crash();

    await until("the leave", () => events(b, c).length > 1, 8000);
    expect(performance.now() - startedMs).toBeLessThan(5000);
    expect(performance.now() - startedMs).toBeGreaterThan(1500);
    await Bun.sleep(1500);
    // 43 is still on another node, whose session expired meanwhile: it was not touched.
    expect(events(b, c).filter((event) => event === LEAVE)).toEqual([LEAVE]);
  }, 20_000);

  test("NatsPresenceStore keeps members of nodes that live, as long as they are touched", async () => {
    const nats = await server();
    const [a, b] = [await node(nats), await node(nats)];
    await a.store.join(ROOM, "s1", "42", VERA);

    for (let n = 0; n < 5; n += 1) {
      await Bun.sleep(900);
      await a.store.touch("s1");
    }

    expect(await total(b)).toBe(1);
    expect(events(a, b)).toEqual([JOIN]);
  }, 15_000);

  test("NatsPresenceStore finds members of nodes that died before it started", async () => {
    const nats = await server();
    const a = await node(nats);
    await a.store.join(ROOM, "s1", "42", VERA);
    await a.crash();

    const b = await node(nats);

    expect(await total(b)).toBe(1);
    await until("the leave", () => events(b).length > 0, 8000);
    expect(events(b)).toEqual([LEAVE]);
  }, 15_000);

  test("NatsPresenceStore tells nothing when a member moves to another node within the time to live", async () => {
    const nats = await server();
    const [a, b] = [await node(nats), await node(nats)];
    await a.store.join(ROOM, "s1", "42", VERA);
    await a.stop();

    await b.store.join(ROOM, "s2", "42", VERA);
    for (let n = 0; n < 4; n += 1) {
      await Bun.sleep(900);
      await b.store.touch("s2");
    }

    expect(events(a, b)).toEqual([JOIN]);
    expect(await total(b)).toBe(1);
  }, 15_000);

  test("NatsPresenceStore heals when JetStream has lost everything", async () => {
    const nats = await server();
    const a = await node(nats, { ttlMs: 30_000 });
    await a.store.join(ROOM, "s1", "42", VERA);
    await nats.kill();
    nats.wipe();

    await nats.start();

    await until(
      "the member is back",
      async () => {
        try {
          return (await total(a)) === 1;
        } catch {
          return false;
        }
      },
      10_000,
    );
    expect(events(a)).toEqual([JOIN, JOIN]);
  }, 15_000);

  test("NatsPresenceStore refuses a join while NATS is away, and forgets it; a leave happens later", async () => {
    const nats = await server();
    const a = await node(nats, { ttlMs: 30_000 });
    await a.store.join(ROOM, "s1", "42", VERA);
    await nats.kill();

    expect(await codeOf(() => a.store.join(ROOM, "s2", "43", ""))).toStartWith("nats_");
    expect(await a.store.leave(ROOM, "s1")).toEqual({ ok: true });
    expect(await a.store.leave(ROOM, "s2")).toEqual({ ok: false, reason: "absent" });
    await nats.start();

    await until("the leave", () => events(a).includes(LEAVE), 10_000);
    expect(await total(a)).toBe(0);
    expect(events(a)).toEqual([JOIN, LEAVE]);
  }, 15_000);

  test("NatsPresenceStore takes no node for dead because NATS was away", async () => {
    const nats = await server();
    const [a, b] = [await node(nats), await node(nats)];
    await a.store.join(ROOM, "s1", "42", VERA);
    const touching = setInterval(() => void a.store.touch("s1"), 300);
    cleanups.push(() => clearInterval(touching));
    await nats.kill();
    await Bun.sleep(3000);

    await nats.start();

    await until(
      "both are back",
      async () => {
        return (
          (await codeOf(() => total(a))) === "no error" &&
          (await codeOf(() => total(b))) === "no error"
        );
      },
      10_000,
    );
    await Bun.sleep(1500);
    expect(events(a, b)).toEqual([JOIN]);
    expect(await total(b)).toBe(1);
  }, 25_000);
});
