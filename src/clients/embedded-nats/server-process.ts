import type { Subprocess } from "bun";
import { ServerError } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import { localAddress } from "./address.ts";
import { failure } from "./failure.ts";
import { EXEC_FAILED } from "./internal-exec.ts";
import { askServerName } from "./raw-request.ts";
import type { ServerPlan } from "./server-config.ts";
import { LineSplitter, parseServerLine, type ServerLogLine } from "./server-log.ts";
import { trampoline } from "./trampoline.ts";

/** What a run needs. */
export interface ServerProcessOptions {
  readonly program: string;
  readonly configPath: string;
  readonly plan: Pick<ServerPlan, "address" | "serverName" | "readyLines">;
  readonly readyTimeoutMs: number;
}

/** `onLine` gets everything the server prints. */
export interface ServerProcessDeps {
  readonly clock: Clock;
  readonly onLine: (line: ServerLogLine) => void;
}

/** One that hangs must not take the time of the whole shutdown. */
const STOP_LIMIT_MS = 5000;
const GREETING_TIMEOUT_MS = 500;
const GREETING_PAUSE_MS = 50;
/** What the process has printed may arrive after its end. */
const LAST_WORDS_TIMEOUT_MS = 500;

/**
 * One run of nats-server, in a process group of its own: Ctrl-C in our terminal does not reach it. It ends when we do,
 * however that happens. Start it from the main thread: the system ties it to the thread that did.
 */
export class ServerProcess {
  /** Resolves when it has ended, with the reason for the log; never rejects. */
  readonly ended: Promise<string>;
  readonly #options: ServerProcessOptions;
  readonly #clock: Clock;
  readonly #child: Subprocess<"ignore", "ignore", "pipe">;
  readonly #missing: Set<string>;
  readonly #linesSeen = Promise.withResolvers<void>();
  #lastWords = "";

  constructor(options: ServerProcessOptions, deps: ServerProcessDeps) {
    this.#options = options;
    this.#clock = deps.clock;
    this.#missing = new Set(options.plan.readyLines);
    const args = ["nats-server", "-c", options.configPath];
    this.#child = Bun.spawn(trampoline(options.program, args), {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      // Nothing of ours is its business; Go needs no variable.
      env: {},
      detached: true,
    });
    this.ended = this.#follow(deps.onLine);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /**
   * Resolves when clients can connect.
   * @throws {ServerError} `embedded_nats_failed` with the server's own reason, or when the time is over; then it is ended.
   *   `embedded_nats_exec_failed` when the program cannot be executed from where it lies
   */
  async ready(): Promise<void> {
    const late = Promise.withResolvers<never>();
    const { readyTimeoutMs } = this.#options;
    const timer = this.#clock.after(readyTimeoutMs, () =>
      late.reject(failure(`it was not ready within ${readyTimeoutMs / 1000} seconds`)),
    );
    try {
      await Promise.race([this.#greeted(), this.#failed(), late.promise]);
    } catch (error) {
      this.#child.kill("SIGKILL");
      throw error;
    } finally {
      timer.cancel();
    }
  }

  /** Ends it: with SIGTERM, and with SIGKILL when `signal` is aborted. */
  async stop(signal: AbortSignal): Promise<void> {
    const kill = (): void => this.#child.kill("SIGKILL");
    this.#child.kill("SIGTERM");
    if (signal.aborted) kill();
    else signal.addEventListener("abort", kill, { once: true });
    const limit = this.#clock.after(STOP_LIMIT_MS, kill);
    await this.#child.exited;
    limit.cancel();
    signal.removeEventListener("abort", kill);
  }

  async #greeted(): Promise<void> {
    await this.#linesSeen.promise;
    const { plan } = this.#options;
    const inquiry = {
      address: localAddress(plan.address),
      timeoutMs: GREETING_TIMEOUT_MS,
      clock: this.#clock,
    };
    while (this.#child.exitCode === null && this.#child.signalCode === null) {
      if ((await askServerName(inquiry)) === plan.serverName) return;
      await this.#pause();
    }
    await this.#failed();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(GREETING_PAUSE_MS, resolve);
    });
  }

  async #failed(): Promise<never> {
    const reason = await this.ended;
    const isExecFailed = this.#child.exitCode === EXEC_FAILED;
    throw failure(
      reason,
      undefined,
      isExecFailed ? "embedded_nats_exec_failed" : "embedded_nats_failed",
    );
  }

  async #follow(onLine: (line: ServerLogLine) => void): Promise<string> {
    const printed = this.#read(onLine);
    await this.#child.exited;
    const timer = Promise.withResolvers<void>();
    const timeout = this.#clock.after(LAST_WORDS_TIMEOUT_MS, timer.resolve);
    await Promise.race([printed, timer.promise]);
    timeout.cancel();
    return this.#reason();
  }

  async #read(onLine: (line: ServerLogLine) => void): Promise<void> {
    const splitter = new LineSplitter((line) => this.#line(parseServerLine(line), onLine));
    for await (const bytes of this.#child.stderr) splitter.push(bytes);
    splitter.end();
  }

  #line(line: ServerLogLine, onLine: (line: ServerLogLine) => void): void {
    if (line.level === "FTL") this.#lastWords = line.text;
    // `nats-server: <file>:1:0: <what is wrong with it>`: it has no level before it has a log. The file is ours: nobody
    // who reads this can look into it.
    if (line.level === "" && line.text.startsWith("nats-server: ")) {
      this.#lastWords = line.text.replace(/ \S+:\d+:\d+: /, " ");
    }
    for (const part of this.#missing) {
      if (line.text.includes(part)) this.#missing.delete(part);
    }
    if (this.#missing.size === 0) this.#linesSeen.resolve();
    onLine(line);
  }

  #reason(): string {
    const taken = /listen tcp \S+: bind: address already in use/.exec(this.#lastWords);
    if (taken !== null) return taken[0];
    if (this.#lastWords !== "") return this.#lastWords;
    const { exitCode, signalCode } = this.#child;
    return signalCode === null
      ? `it ended with exit code ${exitCode}`
      : `it was ended by ${signalCode}`;
  }
}

/** True when another place to execute the program from may help. */
export function isExecFailure(error: unknown): boolean {
  return error instanceof ServerError && error.code === "embedded_nats_exec_failed";
}
