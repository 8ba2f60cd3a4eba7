import { expect, test } from "bun:test";
import { KeyedTurns } from "../../../src/clients/nats/keyed-turns.ts";

test("KeyedTurns runs work of one key in the order of the calls, of different keys side by side", async () => {
  const turns = new KeyedTurns();
  const gate = Promise.withResolvers<void>();
  const done: string[] = [];
  const work = (name: string, wait: Promise<void>) => async () => {
    await wait;
    done.push(name);
  };

  const all = [
    turns.run("a", work("a1", gate.promise)),
    turns.run("a", work("a2", Promise.resolve())),
    turns.run("b", work("b1", Promise.resolve())),
  ];
  await all[2];
  expect(done).toEqual(["b1"]);
  gate.resolve();
  await Promise.all(all);

  expect(done).toEqual(["b1", "a1", "a2"]);
});

test("KeyedTurns goes on after a failure, which goes to its caller only", async () => {
  const turns = new KeyedTurns();

  const bad = turns.run("a", () => Promise.reject(new Error("no")));
  const good = turns.run("a", async () => "yes");

  expect(await bad.catch((error: Error) => error.message)).toBe("no");
  expect(await good).toBe("yes");
});

test("KeyedTurns settles when all work has ended, or there is no time left", async () => {
  const turns = new KeyedTurns();
  const gate = Promise.withResolvers<void>();
  const work = turns.run("a", () => gate.promise);

  await turns.settle(AbortSignal.abort());
  const settled = turns.settle(new AbortController().signal);
  gate.resolve();

  await Promise.all([settled, work]);
});
