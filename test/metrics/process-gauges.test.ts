import { expect, test } from "bun:test";
import { registerProcessGauges } from "../../src/metrics/process-gauges.ts";
import { FakeMetrics } from "../support/fake-metrics.ts";

const MEMORY = { rss: 26_000_000, heapTotal: 900, heapUsed: 600 };

function register(hasMemoryMetrics: boolean, tasks = 4, memory = MEMORY) {
  const metrics = new FakeMetrics();
  const refresh = registerProcessGauges(
    { hasMemoryMetrics },
    { metrics, countTasks: () => tasks, readMemory: () => memory },
  );
  return { metrics, refresh };
}

test("Process gauges are 0 until they are refreshed", () => {
  const { metrics } = register(false);

  expect(metrics.names).toEqual(["goroutines_num", "mem_sys_bytes"]);
  expect(metrics.value("mem_sys_bytes")).toBe(0);
});

test("Process gauges show background tasks and resident memory", () => {
  const { metrics, refresh } = register(false);

  refresh();

  expect(metrics.value("goroutines_num")).toBe(4);
  expect(metrics.value("mem_sys_bytes")).toBe(26_000_000);
});

test("Process gauges count at least one task", () => {
  const { metrics, refresh } = register(false, 0);

  refresh();

  expect(metrics.value("goroutines_num")).toBe(1);
});

test("Process gauges show the heap when memory metrics are on", () => {
  const { metrics, refresh } = register(true);

  refresh();

  const shown = metrics.names.map((name) => [name, metrics.value(name)]);
  expect(Object.fromEntries(shown)).toEqual({
    goroutines_num: 4,
    mem_sys_bytes: 26_000_000,
    heap_sys_bytes: 900,
    heap_alloc_total: 600,
    heap_idle_bytes: 300,
    heap_released_bytes: 0,
    stack_sys_bytes: 0,
  });
});

test("Process gauges never show less than no idle heap", () => {
  const { metrics, refresh } = register(true, 1, { rss: 1, heapTotal: 500, heapUsed: 600 });

  refresh();

  expect(metrics.value("heap_idle_bytes")).toBe(0);
});

test("Process gauges read this process unless told otherwise", () => {
  const metrics = new FakeMetrics();
  const deps = { metrics, countTasks: () => 1 };

  registerProcessGauges({ hasMemoryMetrics: true }, deps)();

  expect(metrics.value("mem_sys_bytes")).toBeGreaterThan(1_000_000);
  expect(metrics.value("heap_alloc_total")).toBeGreaterThan(0);
});
