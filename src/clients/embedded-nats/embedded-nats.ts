import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ServerError } from "../../messages/server-error.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Service } from "../../ports/service.ts";
import { NatsChild } from "./child.ts";
import { failure, startFailure } from "./failure.ts";
import { awaitJetStream } from "./jetstream-ready.ts";
import type { EmbeddedNatsOptions } from "./options.ts";
import { findPrograms, type ServerProgram } from "./program.ts";
import { planServer, type ServerPlan } from "./server-config.ts";

/**
 * `trampoline` is the command that ties the server to this process (`selfTrampoline`). `cacheFolder` is for systems that
 * cannot execute from memory; `tempFolder` for the configuration, and for stored streams unless told otherwise.
 */
export interface EmbeddedNatsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly randomId: (length: number) => string;
  readonly trampoline: readonly string[];
  readonly cacheFolder: string;
  readonly tempFolder: string;
}

const READY_LIMIT_MS = 5000;
const FIRST_RESTART_MS = 250;
const LAST_RESTART_MS = 8000;
/** A server that ran so long is taken for healthy: the next restart comes soon again. */
const STEADY_MS = 30_000;

/**
 * The NATS server that lives with ours: a child process that never outlives us and is started again when it dies.
 * Source: spec "messaging", section 17; docs/nats.md.
 */
export class EmbeddedNats implements Service {
  readonly name = "embedded NATS";
  readonly #options: EmbeddedNatsOptions;
  readonly #deps: EmbeddedNatsDeps;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #plan: ServerPlan | null = null;
  #program: ServerProgram | null = null;
  #child: NatsChild | null = null;
  #startedAtMs = 0;
  #restartMs = FIRST_RESTART_MS;
  #restart: Timer | null = null;
  #launching: Promise<void> | null = null;
  #problem: string | null = "embedded NATS server is not started";

  constructor(options: EmbeddedNatsOptions, deps: EmbeddedNatsDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#log = deps.log.with({ context: "enats" });
  }

  /** What is wrong with it, for health checks; null when it runs. */
  health(): string | null {
    return this.#problem;
  }

  /**
   * Resolves when the server takes connections. JetStream gets ready in the background.
   * @throws {ServerError} `embedded_nats_failed`, with the reason, as soon as it is known
   */
  async start(): Promise<void> {
    try {
      this.#plan = planServer(this.#options, this.#deps);
      this.#launching = this.#launch(this.#plan);
      await this.#launching;
    } catch (error) {
      throw startFailure(error);
    }
    this.#deps.log.info(this.#plan.summary);
    // Reports for itself, ends with the service.
    if (this.#options.isJetstream) void this.#watchJetStream(this.#plan);
  }

  /** Ends the server, by force when there is no time left. What was stored under a made-up name is removed. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#stopping.abort();
    this.#restart?.cancel();
    await this.#launching?.catch(() => undefined);
    await this.#child?.stop(signal);
    this.#problem = "embedded NATS server is stopped";
    const { storeDir, isStoreLasting } = this.#plan ?? {};
    if (typeof storeDir === "string" && isStoreLasting === false) {
      rmSync(storeDir, { recursive: true, force: true });
    }
  }

  async #launch(plan: ServerPlan): Promise<void> {
    const folder = mkdtempSync(join(this.#deps.tempFolder, "cableway-nats-"));
    const configFile = join(folder, "nats.conf");
    try {
      writeFileSync(configFile, plan.config, { mode: 0o600 });
      const child = await this.#startChild(plan, configFile);
      this.#child = child;
      this.#problem = null;
      this.#startedAtMs = this.#deps.clock.now();
      // Owned by #mourn, which never rejects.
      void child.exited.then((reason) => this.#mourn(reason));
    } finally {
      // The server reads it once.
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async #startChild(plan: ServerPlan, configFile: string): Promise<NatsChild> {
    if (this.#program !== null) return this.#spawn(this.#program, plan, configFile);
    let last: unknown = null;
    for await (const program of findPrograms(this.#deps)) {
      try {
        const child = await this.#spawn(program, plan, configFile);
        this.#program = program;
        this.#log.debug("nats-server runs", { origin: program.origin, pid: child.pid });
        return child;
      } catch (error) {
        if (!isExecFailure(error)) throw error;
        this.#log.debug("nats-server cannot be executed there", { path: program.path });
        last = error;
      }
    }
    throw last ?? failure("there is no nats-server to execute");
  }

  #spawn(program: ServerProgram, plan: ServerPlan, configFile: string): Promise<NatsChild> {
    const { isDebug, isJetstream, jetstreamReadyTimeoutS } = this.#options;
    const limitMs = isJetstream ? jetstreamReadyTimeoutS * 1000 : 0;
    return NatsChild.start(
      {
        path: program.path,
        configFile,
        readyLines: plan.readyLines,
        // Reading back what is stored comes before the first connection.
        readyLimitMs: Math.max(READY_LIMIT_MS, limitMs),
        isLogged: isDebug,
        trampoline: process.platform === "linux" ? this.#deps.trampoline : [],
      },
      { clock: this.#deps.clock, log: this.#log.with({ service: "nats" }) },
    );
  }

  #mourn(reason: string): void {
    this.#child = null;
    if (this.#stopping.signal.aborted) return;
    this.#problem = `embedded NATS server stopped: ${reason}`;
    const isSteady = this.#deps.clock.now() - this.#startedAtMs >= STEADY_MS;
    if (isSteady) this.#restartMs = FIRST_RESTART_MS;
    this.#log.error("embedded NATS server stopped unexpectedly, starting it again", {
      error: reason,
    });
    this.#scheduleRestart();
  }

  #scheduleRestart(): void {
    const delayMs = this.#restartMs;
    this.#restartMs = Math.min(delayMs * 2, LAST_RESTART_MS);
    this.#restart = this.#deps.clock.after(delayMs, () => {
      this.#launching = this.#relaunch();
    });
  }

  /** Never rejects. */
  async #relaunch(): Promise<void> {
    if (this.#plan === null || this.#stopping.signal.aborted) return;
    try {
      await this.#launch(this.#plan);
      this.#log.info("embedded NATS server is running again");
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#problem = startFailure(error).message;
      this.#log.error(this.#problem);
      this.#scheduleRestart();
    }
  }

  async #watchJetStream({ address }: ServerPlan): Promise<void> {
    const { jetstreamReadyTimeoutS } = this.#options;
    const { clock } = this.#deps;
    const { signal } = this.#stopping;
    await awaitJetStream(
      { address, limitMs: jetstreamReadyTimeoutS * 1000 },
      { clock, log: this.#log, signal },
    );
  }
}

function isExecFailure(error: unknown): boolean {
  return error instanceof ServerError && error.code === "embedded_nats_exec_failed";
}
