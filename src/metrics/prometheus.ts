import type { Sample, Snapshot } from "./registry.ts";

const PREFIX = "anycable_go_";

/** A label of every metric, key and value. */
export type Tag = readonly [key: string, value: string];

/** Content-Type of what `prometheusText` returns. */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; charset=utf-8";

/**
 * Totals in the Prometheus text format, counters before gauges; a body starts with an empty line.
 *
 *     # HELP anycable_go_rpc_call_total Total RPC calls
 *     # TYPE anycable_go_rpc_call_total counter
 *     anycable_go_rpc_call_total{env="dev", rev="1"} 42
 *
 * @param tags in the order in which they are to be printed
 * Source: spec "observability", section 3; Prometheus documentation, "Exposition formats".
 */
export function prometheusText(snapshot: Snapshot, tags: readonly Tag[]): string {
  const labels = labelText(tags);
  let text = "";
  for (const sample of snapshot.counters) text += block(sample, "counter", labels);
  for (const sample of snapshot.gauges) text += block(sample, "gauge", labels);
  return text;
}

function block(sample: Sample, type: "counter" | "gauge", labels: string): string {
  const name = PREFIX + sample.name;
  const help = sample.help.replaceAll("\\", "\\\\");
  return `\n# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name}${labels} ${sample.value}\n`;
}

function labelText(tags: readonly Tag[]): string {
  if (tags.length === 0) return "";
  return `{${tags.map(([key, value]) => `${key}="${escaped(value)}"`).join(", ")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
