import type { Measurement } from "../load/scenario.ts";
import { NO_LOSS } from "../load/scenario.ts";

/** Calls under way at once: what a server with the default concurrency limit keeps in flight. */
const IN_FLIGHT = 28;

/** A CommandMessage like those of the perform rows: `message`, an identifier, identifiers, data, env. */
export const CALL = {
  command: "message",
  identifier: '{"channel":"BenchChannel","id":"1"}',
  connection_identifiers: '{"user":"bench"}',
  data: '{"action":"echo","seq":1}',
  url: "http://127.0.0.1:8080/cable",
} as const;

/**
 * Makes `count` calls, 28 at a time, after an uncounted tenth to warm up.
 * Figure: `callsPerCpuSecond` of this process, the backend not included; `callsPerSecond`.
 */
export async function measureCalls(count: number, call: () => Promise<void>): Promise<Measurement> {
  await calls(count / 10, call);
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await calls(count, call);
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const figures = {
    callsPerCpuSecond: count / ((user + system) / 1e6),
    callsPerSecond: count / seconds,
  };
  return { figures, loss: NO_LOSS, failedClients: 0, failure: null };
}

async function calls(count: number, call: () => Promise<void>): Promise<void> {
  let left = count;
  const line = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, line));
}
