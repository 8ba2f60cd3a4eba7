import type { Metrics } from "../ports/metrics.ts";

/** Which gauges. */
export interface ProcessGaugesOptions {
  /** True for the detailed memory gauges. */
  readonly hasMemoryMetrics: boolean;
}

/** Memory of the process in bytes. */
export interface MemoryUsage {
  readonly rss: number;
  readonly heapTotal: number;
  readonly heapUsed: number;
}

/** What the gauges show. */
export interface ProcessGaugesDeps {
  readonly metrics: Metrics;
  /** How many background loops and workers live; does not grow with clients. */
  readonly countTasks: () => number;
  /** `process.memoryUsage` unless given. */
  readonly readMemory?: () => MemoryUsage;
}

/**
 * Registers the gauges of the process, all 0.
 * @returns what sets them, for a GaugeRefresher
 * Names are the reference's; what its runtime has and ours has not stays 0. Source: spec "observability", section 2.1.
 */
export function registerProcessGauges(
  options: ProcessGaugesOptions,
  deps: ProcessGaugesDeps,
): () => void {
  const { metrics, countTasks, readMemory = process.memoryUsage } = deps;
  const tasks = metrics.gauge("goroutines_num", "Background loops and workers");
  const rss = metrics.gauge("mem_sys_bytes", "Resident memory of the process in bytes");
  const setHeap = options.hasMemoryMetrics ? registerHeapGauges(metrics) : null;

  return () => {
    const memory = readMemory();
    tasks.set(Math.max(1, countTasks()));
    rss.set(memory.rss);
    setHeap?.(memory);
  };
}

function registerHeapGauges(metrics: Metrics): (memory: MemoryUsage) => void {
  const total = metrics.gauge("heap_sys_bytes", "Heap memory of the JavaScript engine in bytes");
  const used = metrics.gauge("heap_alloc_total", "Heap memory that objects take in bytes");
  const idle = metrics.gauge("heap_idle_bytes", "Heap memory that no object takes in bytes");
  metrics.gauge("stack_sys_bytes", "Stack memory in bytes; always 0, the engine does not tell");
  metrics.gauge(
    "heap_released_bytes",
    "Heap memory given back; always 0, the engine does not tell",
  );

  return ({ heapTotal, heapUsed }) => {
    total.set(heapTotal);
    used.set(heapUsed);
    // The engine may count external memory as used only: never below zero.
    idle.set(Math.max(0, heapTotal - heapUsed));
  };
}
