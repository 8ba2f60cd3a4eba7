import { expect, test } from "bun:test";
import { SharedReads } from "../../../src/clients/nats/shared-reads.ts";

function counting() {
  const reads = new SharedReads<number>();
  const gates: PromiseWithResolvers<void>[] = [];
  const read = async (): Promise<number> => {
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    const number = gates.length;
    await gate.promise;
    return number;
  };
  return { gates, get: (key: string) => reads.get(key, read) };
}

test("SharedReads lets all who come during a reading wait for one more: theirs may have been too early", async () => {
  const { gates, get } = counting();

  const first = get("a");
  const later = [get("a"), get("a"), get("a")];
  gates[0]?.resolve();

  expect(await first).toBe(1);
  await Promise.resolve();
  gates[1]?.resolve();
  expect(await Promise.all(later)).toEqual([2, 2, 2]);
  expect(gates).toHaveLength(2);
});

test("SharedReads keeps keys apart and starts anew when nothing is under way", async () => {
  const { gates, get } = counting();
  const both = [get("a"), get("b")];
  for (const gate of gates) gate.resolve();
  expect(await Promise.all(both)).toEqual([1, 2]);

  const again = get("a");
  gates[2]?.resolve();

  expect(await again).toBe(3);
});

test("SharedReads gives a failure to those who waited for that reading only", async () => {
  const reads = new SharedReads<string>();

  const bad = reads.get("a", () => Promise.reject(new Error("no")));
  const good = reads.get("a", async () => "yes");

  expect(await bad.catch((error: Error) => error.message)).toBe("no");
  expect(await good).toBe("yes");
});
