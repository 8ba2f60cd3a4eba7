import { expect, test } from "bun:test";
import { prometheusText } from "../../src/metrics/prometheus.ts";
import { Registry } from "../../src/metrics/registry.ts";

test("prometheusText prints counters, then gauges, each sorted, after an empty line each", () => {
  const registry = new Registry();
  registry.gauge("mem_sys_bytes", "Memory").set(123_456_789_012);
  registry.gauge("clients_num", "Clients").set(2);
  registry.counter("rpc_call_total", "RPC calls").add(42);
  registry.counter("data_sent_total", "Bytes sent");

  expect(prometheusText(registry.snapshot(), [])).toBe(`
# HELP anycable_go_data_sent_total Bytes sent
# TYPE anycable_go_data_sent_total counter
anycable_go_data_sent_total 0

# HELP anycable_go_rpc_call_total RPC calls
# TYPE anycable_go_rpc_call_total counter
anycable_go_rpc_call_total 42

# HELP anycable_go_clients_num Clients
# TYPE anycable_go_clients_num gauge
anycable_go_clients_num 2

# HELP anycable_go_mem_sys_bytes Memory
# TYPE anycable_go_mem_sys_bytes gauge
anycable_go_mem_sys_bytes 123456789012
`);
});

test("prometheusText prints tags in the order given, comma and blank between them", () => {
  const registry = new Registry();
  registry.gauge("clients_num", "Clients");
  const tags = [
    ["env", "dev"],
    ["a", "1.1"],
  ] as const;

  expect(prometheusText(registry.snapshot(), tags)).toEndWith(
    '\nanycable_go_clients_num{env="dev", a="1.1"} 0\n',
  );
});

test("prometheusText escapes backslashes, quotes and newlines in values of tags", () => {
  const registry = new Registry();
  registry.gauge("clients_num", "Clients");

  expect(prometheusText(registry.snapshot(), [["k", 'a\\b"c\nd']])).toEndWith(
    '\nanycable_go_clients_num{k="a\\\\b\\"c\\nd"} 0\n',
  );
});

test("prometheusText prints totals, whatever was rotated", () => {
  const registry = new Registry();
  registry.counter("a_total", "A").add(3);
  registry.rotate();

  expect(prometheusText(registry.snapshot(), [])).toEndWith("\nanycable_go_a_total 3\n");
});
