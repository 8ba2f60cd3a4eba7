import { join } from "node:path";
import { ServerError } from "../src/messages/server-error.ts";
import type { Measurement, Scenario, Target } from "./load/scenario.ts";
import { type Child, freePort, startChild } from "./servers/child.ts";

/** A started backend. */
export interface Backend {
  /** Value of `--rpc_host`. */
  readonly host: string;
  /** What the floor calls: a URL. */
  readonly url: string;
  readonly stop: Child["stop"];
}

const RUN_LIMIT_MS = 120_000;

/** Puts `scenario` on `target` from a process of its own. */
export function runLoad(target: Target, scenario: Scenario): Promise<Measurement> {
  return runScript("load/main.ts", [JSON.stringify(target), JSON.stringify(scenario)]);
}

/** The calls of an RPC row without a server in between: `grpc` by `node:http2`, `http` by `fetch`. */
export async function runBareCalls(kind: "grpc" | "http", count: number): Promise<Measurement> {
  const backend = await startBackend(kind);
  try {
    const script = kind === "grpc" ? "floor/grpc-calls.ts" : "floor/fetch-calls.ts";
    return await runScript(script, [backend.url, String(count)]);
  } finally {
    await backend.stop();
  }
}

/** Starts the cheap backend of that kind on a free port. */
export async function startBackend(kind: "grpc" | "http"): Promise<Backend> {
  const port = freePort();
  const script = join(import.meta.dir, `backend/${kind}.ts`);
  const { stop } = await startChild({
    command: [process.execPath, script, String(port)],
    ports: [port],
  });
  const address = `127.0.0.1:${port}`;
  return kind === "grpc"
    ? { host: address, url: `http://${address}`, stop }
    : { host: `http://${address}/_anycable`, url: `http://${address}/_anycable`, stop };
}

/** @throws {ServerError} `bench_failed` when the script prints no measurement in time */
async function runScript(script: string, args: readonly string[]): Promise<Measurement> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, script), ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    timeout: RUN_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const text = await child.stdout.text();
  if (text === "") {
    const reason = `${script} ended with code ${await child.exited} and without a measurement`;
    throw new ServerError("bench_failed", reason);
  }
  return JSON.parse(text);
}
