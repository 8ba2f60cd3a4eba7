import { expect, test } from "bun:test";
import { Registry } from "../../src/metrics/registry.ts";

test("Registry gives the same counter to everyone who asks for the name", () => {
  const registry = new Registry();
  registry.counter("rpc_call_total", "Calls").add();

  registry.counter("rpc_call_total", "Calls").add(2);

  expect(registry.snapshot().counters).toEqual([
    { name: "rpc_call_total", help: "Calls", value: 3 },
  ]);
});

test("Registry shows metrics from their registration on, with 0, sorted by name", () => {
  const registry = new Registry();
  registry.gauge("clients_num", "Clients");
  registry.counter("b_total", "B");
  registry.counter("a_total", "A");

  expect(registry.snapshot()).toEqual({
    counters: [
      { name: "a_total", help: "A", value: 0 },
      { name: "b_total", help: "B", value: 0 },
    ],
    gauges: [{ name: "clients_num", help: "Clients", value: 0 }],
  });
});

test("Registry sets gauges and moves them up and down", () => {
  const registry = new Registry();
  const gauge = registry.gauge("rpc_pending_num", "Waiting");

  gauge.set(5);
  gauge.add(2);
  gauge.add(-4);

  expect(registry.snapshot().gauges[0]?.value).toBe(3);
});

test("Registry rotates the growth of counters since the last rotation, and gauges as they are", () => {
  const registry = new Registry();
  const counter = registry.counter("a_total", "A");
  registry.gauge("b_num", "B").set(7);
  counter.add(10);

  const first = registry.rotate();
  counter.add(5);
  const second = registry.rotate();
  const third = registry.rotate();

  expect(first).toEqual({ counters: new Map([["a_total", 10]]), gauges: new Map([["b_num", 7]]) });
  expect(second.counters.get("a_total")).toBe(5);
  expect(third.counters.get("a_total")).toBe(0);
  expect(registry.snapshot().counters[0]?.value).toBe(15);
});

test("Registry does not count an increment twice that falls between rotating and writing", () => {
  const registry = new Registry();
  const counter = registry.counter("a_total", "A");

  const first = registry.rotate();
  counter.add();
  const second = registry.rotate();

  expect([first.counters.get("a_total"), second.counters.get("a_total")]).toEqual([0, 1]);
});

test("Registry refuses names that are no snake_case word, help of several lines, and a change of kind", () => {
  const registry = new Registry();
  registry.counter("a_total", "A");

  expect(() => registry.counter("a-total", "A")).toThrow(RangeError);
  expect(() => registry.gauge("b_num", "B\nC")).toThrow(RangeError);
  expect(() => registry.gauge("a_total", "A")).toThrow(RangeError);
});
