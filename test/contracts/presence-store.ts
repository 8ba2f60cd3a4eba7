import { afterEach, describe, expect, test } from "bun:test";
import type { PresenceInfo } from "../../src/messages/reply.ts";
import type { StreamRule } from "../../src/messages/stream-rules.ts";
import type { PresenceStore } from "../../src/ports/presence-store.ts";
import { uniqueStream } from "../support/publications.ts";
import type { RecordingDelivery } from "../support/recording-delivery.ts";

/** What a store under test is made with. */
export interface PresenceSettings {
  readonly ttlMs: number;
  readonly streamRules: readonly StreamRule[];
}

/** A started store on a node of its own. */
export interface PresenceStoreHarness {
  readonly store: PresenceStore;
  /** What arrives on that node. */
  readonly delivery: RecordingDelivery;
  /** Makes publications of the stream arrive there. */
  listen(stream: string): Promise<void>;
  /** Lets time pass: moves a clock, or waits. */
  elapse(ms: number): Promise<void>;
  stop(): Promise<void>;
}

const TTL_MS = 2000;
const VERA = '{"name":"V"}';

/**
 * What every presence store promises: the state machine of spec "messaging", section 12.1.
 * Stores are created with a time to live of 2 s.
 * @param isAvailable false shows the tests as skipped: the service the adapter needs is not there
 */
export function presenceStoreContract(
  adapter: string,
  create: (settings: PresenceSettings) => Promise<PresenceStoreHarness>,
  isAvailable = true,
): void {
  describe.skipIf(!isAvailable)(`PresenceStore contract: ${adapter}`, () => {
    const running: PresenceStoreHarness[] = [];
    afterEach(async () => {
      await Promise.all(running.splice(0).map((harness) => harness.stop()));
    });

    async function start(streamRules: readonly StreamRule[] = [], stream = uniqueStream("room")) {
      const harness = await create({ ttlMs: TTL_MS, streamRules });
      running.push(harness);
      await harness.listen(stream);
      const [s1, s2] = [crypto.randomUUID(), crypto.randomUUID()];
      /** Events so far; a join of a witness behind them shows that no others are on their way. */
      const events = async (): Promise<readonly unknown[]> => {
        const witness = `witness-${crypto.randomUUID()}`;
        await harness.store.join(stream, witness, witness, "");
        const seen = await eventsUntil(harness.delivery, witness);
        await harness.store.leave(stream, witness);
        return seen;
      };
      return { ...harness, stream, s1, s2, events };
    }

    test("PresenceStore publishes a join as a transient presence publication", async () => {
      const { delivery, store, stream, s1 } = await start();

      expect(await store.join(stream, s1, "42", VERA)).toEqual({ ok: true });

      const [join] = await delivery.publicationsReach(1);
      expect({ ...join, data: JSON.parse(join?.data ?? "") }).toEqual({
        stream,
        data: { type: "join", info: { name: "V" }, id: "42" },
        meta: { excludeSocket: "", broadcastType: "presence", transient: true },
        offset: 0,
        epoch: "",
      });
    });

    test("PresenceStore leaves info out of a join that has none", async () => {
      const { events, store, stream, s1 } = await start();

      await store.join(stream, s1, "42", "");

      expect(await events()).toEqual([{ type: "join", id: "42" }]);
    });

    test("PresenceStore tells one join and one leave for two sessions of one id", async () => {
      const { events, store, stream, s1, s2 } = await start();
      await store.join(stream, s1, "42", VERA);
      await store.join(stream, s2, "42", VERA);

      await store.leave(stream, s1);
      const between = await store.info(stream, true);
      await store.leave(stream, s2);

      expect(between).toEqual({ total: 1, records: [{ id: "42", info: VERA }] });
      expect(await store.info(stream, true)).toEqual({ total: 0, records: [] });
      expect(await events()).toEqual([
        { type: "join", info: { name: "V" }, id: "42" },
        { type: "leave", id: "42" },
      ]);
    });

    test("PresenceStore replaces info at a repeated join, without an event", async () => {
      const { events, store, stream, s1, s2 } = await start();
      await store.join(stream, s1, "42", '{"z":1}');

      await store.join(stream, s1, "42", '{"z":2}');
      await store.join(stream, s2, "42", '"text"');

      expect(await store.info(stream, true)).toEqual({
        total: 1,
        records: [{ id: "42", info: '"text"' }],
      });
      expect(await events()).toEqual([{ type: "join", info: { z: 1 }, id: "42" }]);
    });

    test("PresenceStore refuses another id in the same session and changes nothing", async () => {
      const { events, store, stream, s1 } = await start();
      await store.join(stream, s1, "42", VERA);

      expect(await store.join(stream, s1, "43", "")).toEqual({ ok: false, reason: "mismatch" });

      expect(await store.info(stream, true)).toEqual({
        total: 1,
        records: [{ id: "42", info: VERA }],
      });
      expect(await events()).toHaveLength(1);
    });

    test("PresenceStore refuses the leave of a session that is not there, without an event", async () => {
      const { events, store, stream, s1, s2 } = await start();
      const absent = { ok: false, reason: "absent" } as const;

      expect(await store.leave(stream, s1)).toEqual(absent);
      await store.join(stream, s1, "42", "");
      expect(await store.leave(stream, s2)).toEqual(absent);
      expect(await store.leave(uniqueStream("unknown"), s1)).toEqual(absent);

      expect(await events()).toEqual([{ type: "join", id: "42" }]);
    });

    test("PresenceStore lets a session come back under another id after it left", async () => {
      const { events, store, stream, s1 } = await start();
      await store.join(stream, s1, "42", "");
      await store.leave(stream, s1);

      expect(await store.join(stream, s1, "43", "")).toEqual({ ok: true });

      expect(await events()).toEqual([
        { type: "join", id: "42" },
        { type: "leave", id: "42" },
        { type: "join", id: "43" },
      ]);
    });

    test("PresenceStore counts members and lists them only when asked to", async () => {
      const { store, stream, s1, s2 } = await start();
      await store.join(stream, s1, "42", VERA);
      await store.join(stream, s2, "__proto__", "");

      expect(await store.info(stream, false)).toEqual({ total: 2, records: [] });
      expect(sorted(await store.info(stream, true))).toEqual({
        total: 2,
        records: [
          { id: "42", info: VERA },
          { id: "__proto__", info: "" },
        ],
      });
    });

    test("PresenceStore knows nobody in a stream nobody joined", async () => {
      const { store } = await start();

      for (const stream of [uniqueStream("unknown"), "__proto__"]) {
        expect(await store.info(stream, true)).toEqual({ total: 0, records: [] });
      }
    });

    test("PresenceStore lets a session leave all its streams when it is not touched in time", async () => {
      const { delivery, elapse, listen, store, stream, s1 } = await start();
      const other = uniqueStream("room");
      await listen(other);
      await store.join(stream, s1, "42", "");
      await store.join(other, s1, "7", "");

      await elapse(TTL_MS + 1500);

      const arrived = await delivery.publicationsReach(4);
      const leaves = arrived.slice(2).map((each) => [each.stream, JSON.parse(each.data)]);
      expect(new Map(leaves as [string, unknown][])).toEqual(
        new Map([
          [stream, { type: "leave", id: "42" }],
          [other, { type: "leave", id: "7" }],
        ]),
      );
      expect((await store.info(stream, false))?.total).toBe(0);
    }, 15_000);

    test("PresenceStore keeps a session that is touched, and an id that has another session", async () => {
      const { elapse, events, store, stream, s1, s2 } = await start();
      await store.join(stream, s1, "42", "");
      await store.join(stream, s2, "42", "");
      await elapse(1000);

      await store.touch(s1);

      await elapse(1700);
      expect((await store.info(stream, false))?.total).toBe(1);
      expect(await events()).toEqual([{ type: "join", id: "42" }]);
    }, 15_000);

    test("PresenceStore does nothing at the touch of a session that joined nothing", async () => {
      const { events, store, s1 } = await start();

      await store.touch(s1);

      expect(await events()).toEqual([]);
    });

    test("PresenceStore refuses everything in a stream whose rule says presence off", async () => {
      const { delivery, store, s1 } = await start([{ pattern: "quiet/*", presence: false }]);
      const stream = uniqueStream("quiet");
      const refusal = { ok: false, reason: "unsupported" } as const;

      expect(await store.join(stream, s1, "42", "")).toEqual(refusal);
      expect(await store.leave(stream, s1)).toEqual(refusal);
      expect(await store.info(stream, true)).toBeNull();
      expect(delivery.publications).toEqual([]);
    });

    test("PresenceStore takes the time to live of a stream from the first rule that matches", async () => {
      const { elapse, store, stream, s1 } = await start([
        { pattern: "slow/*", presenceTtlS: 60 },
        { pattern: "*", historyLimit: 1 },
      ]);
      const slow = uniqueStream("slow");
      await store.join(stream, s1, "42", "");
      await store.join(slow, s1, "42", "");

      await elapse(TTL_MS + 1500);

      expect((await store.info(stream, false))?.total).toBe(0);
      expect((await store.info(slow, false))?.total).toBe(1);
    }, 15_000);
  });
}

/** Events that arrived before the join of the witness. */
async function eventsUntil(
  delivery: RecordingDelivery,
  witness: string,
): Promise<readonly { readonly id: string }[]> {
  for (let count = delivery.publications.length; ; count += 1) {
    const arrived = await delivery.publicationsReach(count);
    const events = arrived.map(({ data }) => JSON.parse(data) as { readonly id: string });
    const end = events.findIndex(({ id }) => id === witness);
    if (end !== -1) return events.slice(0, end).filter(({ id }) => !id.startsWith("witness-"));
  }
}

function sorted(info: PresenceInfo | null): PresenceInfo | null {
  if (info === null) return null;
  return { ...info, records: info.records.toSorted((a, b) => (a.id < b.id ? -1 : 1)) };
}
