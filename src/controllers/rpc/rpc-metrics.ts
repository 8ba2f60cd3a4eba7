import type { Counter, Gauge, Metrics } from "../../ports/metrics.ts";

/** What calls to the application count. Source: spec "rpc", section 8.1. */
export interface RpcMetrics {
  readonly calls: Counter;
  readonly retries: Counter;
  readonly errors: Counter;
  readonly timeouts: Counter;
  readonly canceled: Counter;
  readonly pending: Gauge;
}

/** Registers the metrics every implementation has. */
export function createRpcMetrics(metrics: Metrics): RpcMetrics {
  return {
    calls: metrics.counter("rpc_call_total", "The total number of RPC calls"),
    retries: metrics.counter("rpc_retries_total", "The total number of RPC call retries"),
    errors: metrics.counter("rpc_error_total", "The total number of failed RPC calls"),
    timeouts: metrics.counter("rpc_timeout_total", "The total number of RPC call that timed out"),
    canceled: metrics.counter("rpc_canceled_total", "The total number of canceled RPC calls"),
    pending: metrics.gauge("rpc_pending_num", "The number of pending RPC calls"),
  };
}

/** The gauge of adaptive concurrency. */
export function capacityGauge(metrics: Metrics): Gauge {
  return metrics.gauge("rpc_capacity_num", "The max number of concurrent RPC calls allowed");
}

/** The gauge of gRPC connections. */
export function connectionsGauge(metrics: Metrics): Gauge {
  return metrics.gauge(
    "grpc_active_conn_num",
    "The number of active HTTP connections used by gRPC",
  );
}
