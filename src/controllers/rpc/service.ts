import type { Clock, Timer } from "../../ports/clock.ts";
import type { Controller } from "../../ports/controller.ts";
import type { Log } from "../../ports/log.ts";
import type { Gauge } from "../../ports/metrics.ts";
import type { Service } from "../../ports/service.ts";
import type { AdaptiveConcurrency } from "./adaptive.ts";
import type { Backend } from "./backend.ts";
import type { Calls } from "./calls.ts";

export interface RpcServiceOptions {
  /** How long the end waits for calls at most; 0 or less for as long as it is given. */
  readonly commandTimeoutMs: number;
}

export interface RpcServiceDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly backend: Backend;
  readonly calls: Calls;
  /** null for a fixed number of calls at once. */
  readonly adaptive: AdaptiveConcurrency | null;
  /** null where connections are not counted. */
  readonly connections: Gauge | null;
  readonly controller: Controller;
}

const GAUGE_INTERVAL_MS = 10_000;

/** The lifetime of the calls to the application. Source: spec "rpc", sections 8.1 and 13. */
export class RpcService implements Service {
  readonly name = "rpc";
  readonly controller: Controller;
  private readonly options: RpcServiceOptions;
  private readonly deps: RpcServiceDeps;
  private gaugeTimer: Timer | null = null;

  constructor(options: RpcServiceOptions, deps: RpcServiceDeps) {
    this.options = options;
    this.deps = deps;
    this.controller = deps.controller;
  }

  async start(): Promise<void> {
    this.deps.adaptive?.start();
    if (this.deps.connections !== null) this.watchConnections(this.deps.connections);
  }

  async stop(signal: AbortSignal): Promise<void> {
    const { adaptive, backend, calls, log } = this.deps;
    if (calls.active > 0) {
      log.info("waiting for active RPC calls to finish", { num: calls.active });
      await this.callsFinished(signal);
    }
    if (calls.active === 0) log.info("all active RPC calls finished");
    else {
      log.warn("failed to shutdown controller gracefully", {
        error: `terminated while completing active RPC calls: ${calls.active}`,
      });
    }
    adaptive?.stop();
    this.gaugeTimer?.cancel();
    backend.close();
  }

  private async callsFinished(signal: AbortSignal): Promise<void> {
    const { clock, calls } = this.deps;
    const { commandTimeoutMs } = this.options;
    const limit = new AbortController();
    const giveUp = () => limit.abort();
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp);
    const timer = commandTimeoutMs > 0 ? clock.after(commandTimeoutMs, giveUp) : null;
    await calls.whenIdle(limit.signal);
    timer?.cancel();
    signal.removeEventListener("abort", giveUp);
  }

  private watchConnections(gauge: Gauge): void {
    this.gaugeTimer = this.deps.clock.after(GAUGE_INTERVAL_MS, () => {
      gauge.set(this.deps.backend.connections() ?? 0);
      this.watchConnections(gauge);
    });
  }
}
