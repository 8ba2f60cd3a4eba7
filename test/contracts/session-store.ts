import { afterEach, describe, expect, test } from "bun:test";
import type { SessionSnapshot } from "../../src/messages/snapshot.ts";
import type { SessionStore } from "../../src/ports/session-store.ts";

/** A started store. */
export interface SessionStoreHarness {
  readonly store: SessionStore;
  /** Lets time pass: moves a clock, or waits. */
  elapse(ms: number): Promise<void>;
  stop(): Promise<void>;
}

const TTL_MS = 2000;

const SNAPSHOT: SessionSnapshot = {
  identifiers: '{"user":"42"}',
  subscriptions: [
    ['{"channel":"ChatChannel","id":1}', ["chat/1", "chat/ключ"]],
    ["__proto__", []],
  ],
  cstate: [["__proto__", "polluted"]],
  istate: [["constructor", [["$w", "chat/1"]]]],
  interest: true,
  authenticatedAtMs: 1,
};

/**
 * What every session store promises. Stores are created with a time to live of 2 s.
 * @param isAvailable false shows the tests as skipped: the service the adapter needs is not there
 */
export function sessionStoreContract(
  adapter: string,
  create: (settings: { readonly ttlMs: number }) => Promise<SessionStoreHarness>,
  isAvailable = true,
): void {
  describe.skipIf(!isAvailable)(`SessionStore contract: ${adapter}`, () => {
    const running: SessionStoreHarness[] = [];
    afterEach(async () => {
      await Promise.all(running.splice(0).map((harness) => harness.stop()));
    });

    async function start() {
      const harness = await create({ ttlMs: TTL_MS });
      running.push(harness);
      return { ...harness, sid: crypto.randomUUID() };
    }

    test("SessionStore restores what was committed, more than once", async () => {
      const { store, sid } = await start();

      await store.commit(sid, SNAPSHOT);

      expect(await store.restore(sid)).toEqual(SNAPSHOT);
      expect(await store.restore(sid)).toEqual(SNAPSHOT);
    });

    test("SessionStore has nothing for an unknown sid, an object's member names included", async () => {
      const { store, sid } = await start();

      const found = await Promise.all([sid, "__proto__", "toString"].map((s) => store.restore(s)));

      expect(found).toEqual([null, null, null]);
    });

    test("SessionStore takes any sid a client may have chosen", async () => {
      const { store, sid } = await start();
      const odd = [`${sid} a:b`, `${sid}*>.`, `${sid}ü{x}`, `${sid}\t`];

      for (const each of odd) await store.commit(each, { ...SNAPSHOT, identifiers: each });

      const found = await Promise.all(odd.map((each) => store.restore(each)));
      expect(found.map((snapshot) => snapshot?.identifiers)).toEqual(odd);
    });

    test("SessionStore keeps the last commit", async () => {
      const { store, sid } = await start();
      await store.commit(sid, SNAPSHOT);

      await store.commit(sid, { ...SNAPSHOT, subscriptions: [] });

      expect(await store.restore(sid)).toEqual({ ...SNAPSHOT, subscriptions: [] });
    });

    test("SessionStore forgets a session that was not touched in its time to live", async () => {
      const { elapse, store, sid } = await start();
      await store.commit(sid, SNAPSHOT);

      await elapse(TTL_MS + 1500);

      expect(await store.restore(sid)).toBeNull();
    });

    test("SessionStore starts the time to live anew with a touch, not with a restore", async () => {
      const { elapse, store, sid } = await start();
      const unloved = `${sid}2`;
      await store.commit(sid, SNAPSHOT);
      await store.commit(unloved, SNAPSHOT);
      await elapse(1200);

      expect(await store.touch(sid)).toBe(true);
      await store.restore(unloved);

      await elapse(1300);
      expect(await store.restore(sid)).toEqual(SNAPSHOT);
      await elapse(2500);
      expect([await store.restore(sid), await store.restore(unloved)]).toEqual([null, null]);
    }, 15_000);

    test("SessionStore does not invent a session that is touched or forgotten unknown", async () => {
      const { store, sid } = await start();

      const isKept = await store.touch(sid);
      await store.forget(sid);

      expect(isKept).toBe(false);
      expect(await store.restore(sid)).toBeNull();
    });

    test("SessionStore restores nothing of revoked identifiers, under any sid, whoever commits it later", async () => {
      const { store, sid } = await start();
      const others = { ...SNAPSHOT, identifiers: '{"user":"43"}' };
      for (const suffix of ["a", "b"]) await store.commit(sid + suffix, SNAPSHOT);
      await store.commit(`${sid}c`, others);

      await store.revoke(SNAPSHOT.identifiers);

      await store.commit(`${sid}d`, SNAPSHOT);
      for (const suffix of ["a", "b", "d"]) expect(await store.restore(sid + suffix)).toBeNull();
      expect(await store.restore(`${sid}c`)).toEqual(others);
    });

    test("SessionStore restores who was let in again after a revocation", async () => {
      const { store, sid } = await start();
      await store.revoke(SNAPSHOT.identifiers);
      const again = { ...SNAPSHOT, authenticatedAtMs: Date.UTC(2096, 0) };

      await store.commit(sid, again);

      expect(await store.restore(sid)).toEqual(again);
    });

    test("SessionStore does not restore a session whose touch came after its revocation", async () => {
      const { store, sid, elapse } = await start();
      await store.commit(sid, SNAPSHOT);
      await store.revoke(SNAPSHOT.identifiers);
      await elapse(1000);
      await store.touch(sid);
      await elapse(1500);

      expect(await store.restore(sid)).toBeNull();
    }, 15_000);

    test("SessionStore forgets at once when told to", async () => {
      const { store, sid } = await start();
      await store.commit(sid, SNAPSHOT);

      await store.forget(sid);

      expect(await store.restore(sid)).toBeNull();
    });
  });
}
