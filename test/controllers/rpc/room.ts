import {
  type ControllerService,
  createRpcController,
} from "../../../src/controllers/rpc/create.ts";
import type { RpcOptions } from "../../../src/controllers/rpc/options.ts";
import type { Client } from "../../../src/messages/client.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import { FakeLog } from "../../support/fake-log.ts";
import { FakeMetrics } from "../../support/fake-metrics.ts";

/** The options of a server that was started without any. */
export const DEFAULTS: RpcOptions = {
  implementation: "",
  host: "localhost:50051",
  concurrency: 28,
  concurrencyInitial: 25,
  concurrencyMin: 5,
  concurrencyMax: 100,
  tls: { isEnabled: false, isVerified: true, rootCa: "", isAlpnRequired: true },
  secret: "",
  requestTimeoutMs: 0,
  commandTimeoutMs: 3000,
  httpRequestTimeoutMs: 0,
  maxRecvBytes: 0,
  maxSendBytes: 0,
  protoVersions: "v1",
};

/** Time as it passes. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A controller for the host, with what it logs and counts. */
export interface Room extends AsyncDisposable {
  readonly service: ControllerService;
  readonly controller: ControllerService["controller"];
  readonly metrics: FakeMetrics;
  readonly log: FakeLog;
  /** The counters of calls, by name without `rpc_` and `_total`. */
  counts(): Readonly<Record<string, number>>;
}

/** Starts a controller; it is stopped at the end of the scope. */
export async function openRoom(
  options: Partial<RpcOptions>,
  clock: Clock = systemClock,
): Promise<Room> {
  const metrics = new FakeMetrics();
  const log = new FakeLog();
  const service = createRpcController(
    { ...DEFAULTS, ...options },
    { clock, log, metrics, random: () => 0.5 },
  );
  await service.start();
  return {
    service,
    controller: service.controller,
    metrics,
    log,
    counts: () =>
      Object.fromEntries(
        ["call", "retries", "error", "timeout", "canceled"].map((name) => [
          name,
          metrics.value(`rpc_${name}_total`),
        ]),
      ),
    [Symbol.asyncDispose]: () => service.stop(AbortSignal.abort()),
  };
}

/** A signal that nobody aborts. */
export const NEVER = new AbortController().signal;

/** A client as the controllers see it. */
export function someClient(parts: Partial<Client> = {}): Client {
  return {
    sid: "s1",
    identifiers: "",
    env: { url: "http://localhost:8080/cable", headers: { REMOTE_ADDR: "127.0.0.1" } },
    cstate: new Map(),
    istate: new Map(),
    ...parts,
  };
}
