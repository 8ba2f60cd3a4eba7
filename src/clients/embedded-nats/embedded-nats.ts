import { rmSync } from "node:fs";
import { errorText } from "../../messages/server-error.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Service } from "../../ports/service.ts";
import { localAddress } from "./address.ts";
import { type ConfigFile, createConfigFile } from "./config-file.ts";
import { claimFolder } from "./disposable-folder.ts";
import { startFailure } from "./failure.ts";
import { JetStreamWatch } from "./jetstream-watch.ts";
import type { EmbeddedNatsOptions } from "./options.ts";
import { findPrograms, type ProgramOptions, type ServerProgram } from "./program.ts";
import { planServer, type ServerPlan } from "./server-config.ts";
import { forward, type ServerLogLine } from "./server-log.ts";
import { isExecFailure, ServerProcess } from "./server-process.ts";

/** Where files go. */
export interface EmbeddedNatsPaths extends ProgramOptions {
  readonly tempFolder: string;
}

/** `onFatal`: the server ended and cannot be brought back. `onBack`: it was, and takes connections. */
export interface EmbeddedNatsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly randomId: (length: number) => string;
  readonly onFatal: (message: string) => void;
  readonly onBack: () => void;
}

/** How long to wait before each attempt to bring it back; after the last one we give up. */
const RESTART_DELAYS_MS = [250, 1000, 2000, 4000, 8000];
/** A run this long starts the attempts anew. */
const SOUND_RUN_MS = 30_000;

const READY_TIMEOUT_MS = 5000;
const INBOX_LENGTH = 22;

/**
 * The NATS server that lives with ours: a child process that is started again when it dies and never outlives us.
 * Source: spec "messaging", section 17.
 */
export class EmbeddedNats implements Service {
  readonly name = "embedded NATS";
  readonly #options: EmbeddedNatsOptions & EmbeddedNatsPaths;
  readonly #deps: EmbeddedNatsDeps;
  readonly #log: Log;
  readonly #serverLog: Log;
  readonly #watch: JetStreamWatch;
  #plan: ServerPlan | null = null;
  #program: ServerProgram | null = null;
  #config: ConfigFile | null = null;
  #process: ServerProcess | null = null;
  #restart: Timer | null = null;
  #failures = 0;
  #trouble: string | null = null;
  #isEndExpected = false;
  #isStopping = false;

  constructor(options: EmbeddedNatsOptions & EmbeddedNatsPaths, deps: EmbeddedNatsDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#log = deps.log.with({ context: "enats" });
    this.#serverLog = deps.log.with({ context: "enats", service: "nats" });
    this.#watch = new JetStreamWatch({ clock: deps.clock, log: this.#log });
  }

  /** @throws {ServerError} `embedded_nats_failed`: `failed to start embedded NATS server, cause: …` */
  async start(): Promise<void> {
    try {
      const plan = planServer(this.#options, {
        tempFolder: this.#options.tempFolder,
        randomId: this.#deps.randomId,
      });
      this.#plan = plan;
      if (plan.disposableFolder !== null) claimFolder(plan.disposableFolder);
      this.#config = await createConfigFile(plan.config, this.#options.tempFolder);
      await this.#launchFromAnywhere(plan, this.#config);
      for (const warning of plan.warnings) this.#log.warn(warning);
      this.#deps.log.info(plan.summary);
      this.#awaitJetStream(plan);
    } catch (error) {
      throw startFailure(error);
    }
  }

  /** This process is about to end: when the server ends first, as a supervisor that signals both makes it, it is left so. */
  expectEnd(): void {
    this.#isEndExpected = true;
    this.#restart?.cancel();
  }

  /** Closes the server, which writes down what it stores; a hung one is killed when `signal` is aborted. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#isStopping = true;
    this.expectEnd();
    this.#watch.stop();
    await this.#process?.stop(signal);
    this.#process = null;
    this.#config?.remove();
    this.#config = null;
    this.#program?.release();
    this.#program = null;
    const folder = this.#plan?.disposableFolder ?? null;
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }

  /** Why it does not work at the moment; null when it does. */
  health(): string | null {
    return this.#trouble;
  }

  /** For tests and logs; null while there is no process. */
  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  async #launchFromAnywhere(plan: ServerPlan, config: ConfigFile): Promise<void> {
    let refusal: unknown = null;
    for await (const program of findPrograms(this.#options)) {
      this.#program = program;
      try {
        await this.#launch(plan, config, program);
        this.#log.debug("nats-server is running", { pid: this.pid, origin: program.origin });
        return;
      } catch (error) {
        if (!isExecFailure(error)) throw error;
        refusal = error;
        program.release();
        this.#program = null;
        this.#log.debug("nats-server cannot be executed", { origin: program.origin });
      }
    }
    throw refusal;
  }

  async #launch(plan: ServerPlan, config: ConfigFile, program: ServerProgram): Promise<void> {
    const { clock } = this.#deps;
    const startedAt = clock.now();
    const run = new ServerProcess(
      {
        program: program.path,
        configPath: config.path,
        plan,
        readyTimeoutMs: this.#readyTimeoutMs(),
      },
      { clock, onLine: (line) => this.#heard(line) },
    );
    this.#process = run;
    await run.ready();
    // Not awaited: it lasts as long as the process does, and handles what comes then.
    void run.ended.then((reason) => this.#died(reason, startedAt));
  }

  /** Reading back what is stored comes before the first connection, and may be a lot. */
  #readyTimeoutMs(): number {
    const { isJetstream, jetstreamReadyTimeoutS } = this.#options;
    return Math.max(READY_TIMEOUT_MS, isJetstream ? jetstreamReadyTimeoutS * 1000 : 0);
  }

  #heard(line: ServerLogLine): void {
    this.#watch.heard(line);
    if (this.#options.isDebug) forward(line, this.#serverLog);
  }

  #died(reason: string, startedAt: number): void {
    this.#process = null;
    if (this.#isStopping) return;
    if (this.#isEndExpected) {
      this.#log.warn("embedded NATS server ended before the shutdown was over", { error: reason });
      return;
    }
    if (this.#deps.clock.now() - startedAt > SOUND_RUN_MS) this.#failures = 0;
    this.#log.error("embedded NATS server ended unexpectedly", { error: reason });
    this.#retry(reason);
  }

  #retry(reason: string): void {
    if (this.#isEndExpected) return;
    this.#trouble = `embedded NATS server is down: ${reason}`;
    const delayMs = RESTART_DELAYS_MS[this.#failures];
    if (delayMs === undefined) {
      this.#deps.onFatal(`embedded NATS server cannot be brought back, cause: ${reason}`);
      return;
    }
    this.#failures += 1;
    this.#restart = this.#deps.clock.after(delayMs, () => {
      // Not awaited: it handles its failures.
      void this.#comeBack();
    });
  }

  async #comeBack(): Promise<void> {
    const [plan, config, program] = [this.#plan, this.#config, this.#program];
    if (this.#isEndExpected || plan === null || config === null || program === null) return;
    try {
      await this.#launch(plan, config, program);
    } catch (error) {
      this.#process = null;
      if (!this.#isEndExpected) {
        this.#log.error("embedded NATS server did not start again", { error: errorText(error) });
      }
      this.#retry(errorText(error));
      return;
    }
    this.#trouble = null;
    this.#log.info("embedded NATS server is back", { pid: this.pid });
    this.#deps.onBack();
    this.#awaitJetStream(plan);
  }

  #awaitJetStream(plan: ServerPlan): void {
    if (!this.#options.isJetstream) return;
    this.#watch.start({
      address: localAddress(plan.address),
      inbox: `_INBOX.${this.#deps.randomId(INBOX_LENGTH)}`,
      timeoutMs: this.#options.jetstreamReadyTimeoutS * 1000,
    });
  }
}
