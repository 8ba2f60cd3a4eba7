import { expect, test } from "bun:test";
import { ConnectionSlots } from "../../../src/transports/websocket/connection-slots.ts";

const PATIENT = new AbortController().signal;

/** What has become of a wait so far. */
async function state(wait: Promise<boolean>): Promise<boolean | "waiting"> {
  return await Promise.race([wait, Promise.resolve().then(() => "waiting" as const)]);
}

test("ConnectionSlots grants without end when there is no limit", () => {
  const slots = new ConnectionSlots(0);

  for (let i = 0; i < 1000; i++) expect(slots.tryAcquire()).toBe(true);
});

test("ConnectionSlots gives a slot that comes back to the one who has waited longest", async () => {
  const slots = new ConnectionSlots(1);
  expect(slots.tryAcquire()).toBe(true);
  expect(slots.tryAcquire()).toBe(false);
  const [first, second] = [slots.acquire(PATIENT), slots.acquire(PATIENT)];

  slots.release();

  expect([await state(first), await state(second)]).toEqual([true, "waiting"]);
});

test("ConnectionSlots lets nobody overtake those who wait", async () => {
  const slots = new ConnectionSlots(1);
  slots.tryAcquire();
  const waiting = slots.acquire(PATIENT);

  slots.release();

  expect(slots.tryAcquire()).toBe(false);
  expect(await waiting).toBe(true);
});

test("ConnectionSlots gives no slot to who has given up", async () => {
  const slots = new ConnectionSlots(1);
  slots.tryAcquire();
  const impatience = new AbortController();
  const [impatient, patient] = [slots.acquire(impatience.signal), slots.acquire(PATIENT)];

  impatience.abort();
  slots.release();

  expect([await impatient, await patient]).toEqual([false, true]);
  slots.release();
  expect(slots.tryAcquire()).toBe(true);
});

test("ConnectionSlots does not even start to wait for who has given up before", async () => {
  const slots = new ConnectionSlots(1);
  slots.tryAcquire();

  expect(await slots.acquire(AbortSignal.abort())).toBe(false);
  slots.release();

  expect(slots.tryAcquire()).toBe(true);
});

test("ConnectionSlots sends all away who wait when they are closed, and whoever comes later", async () => {
  const slots = new ConnectionSlots(1);
  slots.tryAcquire();
  const waiting = [slots.acquire(PATIENT), slots.acquire(PATIENT)];

  slots.close();

  expect(await Promise.all([...waiting, slots.acquire(PATIENT)])).toEqual([false, false, false]);
});
