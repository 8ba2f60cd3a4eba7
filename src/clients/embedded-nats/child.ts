import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { failure } from "./failure.ts";
import { EXEC_FAILED } from "./internal-exec.ts";
import { forward, LineSplitter, parseServerLine } from "./server-log.ts";

/** One run of the server. */
export interface ChildOptions {
  readonly path: string;
  readonly configFile: string;
  /** What it prints once it is ready. */
  readonly readyLines: readonly string[];
  readonly readyLimitMs: number;
  /** Whether its own lines go to the log. */
  readonly isLogged: boolean;
  /** The command that ties it to this process, see `runInternalExec`; empty where there is none. */
  readonly trampoline: readonly string[];
}

/** `log` is for the server's own lines. */
export interface ChildDeps {
  readonly clock: Clock;
  readonly log: Log;
}

const STOP_LIMIT_MS = 5000;
const NAME = "nats-server";

/** A nats-server in a process group of its own: Ctrl-C in the terminal does not reach it, `stop` does. */
export class NatsChild {
  /** Settles when the process is gone, with the reason it gave. */
  readonly exited: Promise<string>;
  readonly #process: Bun.Subprocess<"ignore", "ignore", "pipe">;
  readonly #options: ChildOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #ready = Promise.withResolvers<void>();
  readonly #missing: Set<string>;
  #lastWord = "";
  #lastFailure = "";

  private constructor(options: ChildOptions, deps: ChildDeps) {
    this.#options = options;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#missing = new Set(options.readyLines);
    this.#process = spawn(options);
    this.exited = this.#run();
  }

  /**
   * Resolves when the server takes connections.
   * @throws {ServerError} `embedded_nats_failed` with the server's own reason, as soon as it has given up;
   *   `embedded_nats_exec_failed` when the file cannot be executed
   */
  static async start(options: ChildOptions, deps: ChildDeps): Promise<NatsChild> {
    const child = new NatsChild(options, deps);
    await child.#becomeReady();
    return child;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Asks it to end, makes it end after 5 s or when `signal` says so; resolves when it is gone. */
  async stop(signal: AbortSignal): Promise<void> {
    const kill = () => this.#process.kill("SIGKILL");
    const timer = this.#clock.after(STOP_LIMIT_MS, kill);
    this.#process.kill("SIGTERM");
    signal.addEventListener("abort", kill, { once: true });
    if (signal.aborted) kill();
    await this.exited;
    signal.removeEventListener("abort", kill);
    timer.cancel();
  }

  async #becomeReady(): Promise<void> {
    const { readyLimitMs } = this.#options;
    const late = Promise.withResolvers<string>();
    const timer = this.#clock.after(readyLimitMs, () =>
      late.resolve(`not ready for connections within ${readyLimitMs / 1000} seconds`),
    );
    const problem = await Promise.race([this.#ready.promise, late.promise, this.exited]);
    timer.cancel();
    if (problem === undefined) return;
    const code = this.#process.exitCode;
    if (code === null) await this.stop(AbortSignal.abort());
    const isExec = code === EXEC_FAILED && this.#lastWord === "";
    const text = isExec ? `${this.#options.path} cannot be executed` : problem;
    throw failure(text, undefined, isExec ? "embedded_nats_exec_failed" : "embedded_nats_failed");
  }

  async #run(): Promise<string> {
    const lines = new LineSplitter((line) => this.#hear(line));
    for await (const bytes of this.#process.stderr) lines.push(bytes);
    lines.end();
    await this.#process.exited;
    const { exitCode, signalCode } = this.#process;
    const end = signalCode === null ? `exit code ${exitCode}` : `killed by ${signalCode}`;
    const reason = this.#lastFailure === "" ? this.#lastWord : this.#lastFailure;
    return signalCode === null && reason !== "" ? reason : end;
  }

  #hear(text: string): void {
    const line = parseServerLine(text);
    if (this.#options.isLogged) forward(line, this.#log);
    if (line.text.trim() !== "") this.#lastWord = line.text;
    if (line.level === "FTL" || line.level === "ERR") this.#lastFailure = line.text;
    for (const ready of this.#missing) if (line.text.startsWith(ready)) this.#missing.delete(ready);
    if (this.#missing.size === 0) this.#ready.resolve();
  }
}

function spawn({
  path,
  configFile,
  trampoline,
}: ChildOptions): Bun.Subprocess<"ignore", "ignore", "pipe"> {
  const args = ["--config", configFile];
  const command =
    trampoline.length === 0
      ? [path, ...args]
      : [...trampoline, String(process.pid), path, NAME, ...args];
  try {
    return Bun.spawn(command, {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      detached: true,
    });
  } catch (error) {
    throw notExecutable(path, error);
  }
}

function notExecutable(path: string, cause: unknown): Error {
  return failure(`${path} cannot be executed`, cause, "embedded_nats_exec_failed");
}
