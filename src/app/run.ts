import { availableParallelism } from "node:os";
import type { Settings } from "../config/settings.ts";
import { VERSION } from "../config/version.ts";
import { createLog } from "../log/log.ts";
import { StdoutWriter } from "../log/stdout-writer.ts";
import { errorText } from "../messages/server-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { App } from "./app.ts";
import { openFileLimit } from "./open-files.ts";
import { createRandomId } from "./random-id.ts";
import { ShutdownDeadline } from "./shutdown.ts";
import { createSystemClock } from "./system-clock.ts";

const STDOUT = 1;
const MAX_WAITING_LOG_BYTES = 16 * 1024 * 1024;
const LOG_FLUSH_TIMEOUT_MS = 1000;

/** What a run is made of, past the configuration. */
export interface RunOptions {
  readonly settings: Settings;
  /** Plain lines to print before anything else. */
  readonly warnings: readonly string[];
  /** Warnings for the log. */
  readonly notes: readonly string[];
  readonly presets: readonly string[];
  readonly configFile: string | null;
}

/** Runs the server until a signal or a failure ends the process; resolves once it serves. */
export async function runServer(options: RunOptions): Promise<void> {
  const { settings } = options;
  const clock = createSystemClock();
  const output = createOutput(clock);
  for (const warning of options.warnings) output.write(`${warning}\n`);
  const { level, format } = settings.logging;
  const isTerminal = process.stdout.isTTY === true;
  const log = createLog(
    { level, format, isTerminal, nodeId: settings.nodeId },
    { clock, write: output.write },
  );
  const fail = (error: unknown): never => {
    output.write(`${errorText(error)}\n`);
    output.flush();
    process.exit(1);
  };
  logStart(options, log);
  surviveThrows(log);
  let app: App | null = null;
  let isEnding = false;
  const end = async (error: unknown): Promise<void> => {
    // The first reason counts; others may follow from it.
    if (isEnding) return;
    isEnding = true;
    await app?.abandon();
    fail(error);
  };
  // Not awaited: it ends the process.
  const onFatal = (message: string): void => void end(message);
  try {
    app = new App(settings, { clock, log, randomId: createRandomId(), onFatal });
    await app.start();
    stopOnSignals(app, settings, { clock, log, output });
  } catch (error) {
    await end(error);
  }
}

function createOutput(clock: Clock): StdoutWriter {
  const output: StdoutWriter = new StdoutWriter(
    {
      fd: STDOUT,
      maxWaitingBytes: MAX_WAITING_LOG_BYTES,
      flushTimeoutMs: LOG_FLUSH_TIMEOUT_MS,
    },
    {
      clock,
      onLost: (count) => output.write(`${count} log lines were lost: nobody reads the output\n`),
    },
  );
  return output;
}

function logStart({ settings, presets, configFile, notes }: RunOptions, log: Log): void {
  if (presets.length > 0) {
    log.info("load presets", { context: "config", presets: presets.join(",") });
  }
  if (settings.logging.isDebugBanner) log.debug("Debug mode is on: every step is logged");
  const files = openFileLimit() ?? "unknown";
  log.info(
    `Starting AnyCable ${VERSION} (pid: ${process.pid}, open file limit: ${files}, ` +
      `gomaxprocs: ${availableParallelism()})`,
  );
  if (configFile !== null) log.info(`Using configuration from file: ${configFile}`);
  if (settings.isPublic) log.warn("Server is running in the public mode");
  for (const note of notes) log.warn(note);
}

/** A bug in one place must not end the connections of everybody. */
function surviveThrows(log: Log): void {
  process.on("uncaughtException", (error) => {
    log.error("uncaught exception", { error, stack: error.stack });
  });
  process.on("unhandledRejection", (reason) => {
    const stack = reason instanceof Error ? reason.stack : undefined;
    log.error("unhandled rejection", { error: errorText(reason), stack });
  });
}

function stopOnSignals(
  app: App,
  settings: Settings,
  {
    clock,
    log,
    output,
  }: { readonly clock: Clock; readonly log: Log; readonly output: StdoutWriter },
): void {
  const timeoutS = settings.app.shutdownTimeoutS;
  let deadline: ShutdownDeadline | null = null;
  const stop = async (): Promise<void> => {
    if (deadline !== null) return deadline.force();
    log.info(
      `Shutting down... (hit Ctrl-C to stop immediately or wait for up to ${timeoutS}s for graceful shutdown)`,
    );
    // Timers of the rooms do not keep the process alive, and the ports are about to close.
    setInterval(() => undefined, 1000);
    deadline = new ShutdownDeadline(timeoutS * 1000, { clock });
    await app.stop(deadline);
    if (deadline.isForced) log.warn("Immediate termination requested. Stopped");
    output.flush();
    process.exit(0);
  };
  const onSignal = (): void => {
    stop().catch((error: unknown) => {
      log.error("shutdown failed", { error });
      output.flush();
      process.exit(1);
    });
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
}
