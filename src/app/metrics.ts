import type { Settings } from "../config/settings.ts";
import type { Node } from "../core/node/node.ts";
import { GaugeRefresher } from "../metrics/gauge-refresher.ts";
import { LogWriter } from "../metrics/log-writer.ts";
import { PeriodicWriter } from "../metrics/periodic-writer.ts";
import { registerProcessGauges } from "../metrics/process-gauges.ts";
import { PROMETHEUS_CONTENT_TYPE, prometheusText } from "../metrics/prometheus.ts";
import type { Registry } from "../metrics/registry.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Service } from "../ports/service.ts";
import type { Handler } from "../transports/http/listener.ts";

/** Everything that happens by the clock on the main thread counts as one task. */
const TASKS = 1;

/** What keeps gauges fresh and prints metrics by the clock. */
export function createMetricsServices(
  settings: Settings,
  deps: {
    readonly registry: Registry;
    readonly node: Node;
    readonly clock: Clock;
    readonly log: Log;
  },
): readonly Service[] {
  const { registry, node, clock, log } = deps;
  const { metrics, app } = settings;
  const refreshProcess = registerProcessGauges(
    { hasMemoryMetrics: metrics.hasMemoryMetrics },
    { metrics: registry, countTasks: () => TASKS },
  );
  const gauges = new GaugeRefresher(
    { intervalMs: app.statsRefreshIntervalS * 1000 },
    { refreshers: [refreshProcess, () => node.refreshGauges()], clock, log },
  );
  const writers = metrics.isLogged
    ? [new LogWriter({ intervalS: metrics.intervalS, filter: metrics.logFilter }, { log })]
    : [];
  const periodic = new PeriodicWriter(
    { intervalMs: metrics.intervalS * 1000 },
    { registry, writers, clock, log },
  );
  return [gauges, periodic];
}

/** The Prometheus endpoint: any method, no authorization. */
export function prometheusHandler(registry: Registry, { metrics }: Settings): Handler {
  return () =>
    new Response(prometheusText(registry.snapshot(), metrics.tags), {
      headers: { "Content-Type": PROMETHEUS_CONTENT_TYPE },
    });
}
