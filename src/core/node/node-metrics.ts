import type { Counter, Gauge, Metrics } from "../../ports/metrics.ts";

/** What a node counts, whatever is switched on. Source: spec "observability", 2.1 and 2.2. */
export interface NodeMetrics {
  readonly clients: Gauge;
  readonly distinctClients: Gauge;
  readonly streams: Gauge;
  readonly disconnectQueue: Gauge;
  readonly failedAuths: Counter;
  readonly commands: Counter;
  readonly failedCommands: Counter;
  readonly slowClients: Counter;
  readonly broadcasts: Counter;
  readonly remoteCommands: Counter;
  readonly sentFrames: Counter;
  readonly failedFrames: Counter;
  readonly timedOutFrames: Counter;
  readonly sentBytes: Counter;
  readonly receivedBytes: Counter;
}

/** Registers the node's metrics. */
export function nodeMetrics(metrics: Metrics): NodeMetrics {
  const counter = (name: string, help: string) => metrics.counter(name, help);
  const gauge = (name: string, help: string) => metrics.gauge(name, help);
  return {
    clients: gauge("clients_num", "Sessions that are let in"),
    distinctClients: gauge(
      "clients_uniq_num",
      "Distinct connection identifiers among the sessions",
    ),
    streams: gauge("broadcast_streams_num", "Streams with at least one subscriber on this node"),
    disconnectQueue: gauge("disconnect_queue_size", "Disconnect calls that wait to be made"),
    failedAuths: counter("failed_auths_total", "Clients that were refused"),
    commands: counter("client_msg_total", "Commands received from clients"),
    failedCommands: counter(
      "failed_client_msg_total",
      "Messages of clients that could not be handled",
    ),
    slowClients: counter(
      "disconnected_slow_clients_total",
      "Clients cut because too much was pending for them",
    ),
    broadcasts: counter(
      "broadcast_msg_total",
      "Publications and remote disconnects that reached this node",
    ),
    remoteCommands: counter("remote_commands_total", "Remote commands executed"),
    sentFrames: counter("server_msg_total", "Queued frames written to clients"),
    failedFrames: counter("failed_server_msg_total", "Frames that could not be written"),
    timedOutFrames: counter("timeout_server_msg_total", "Frames that could not be written in time"),
    sentBytes: counter("data_sent_total", "Payload bytes written to clients"),
    receivedBytes: counter("data_rcvd_total", "Payload bytes received from clients"),
  };
}
