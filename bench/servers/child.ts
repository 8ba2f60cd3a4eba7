import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { errorText, ServerError } from "../../src/messages/server-error.ts";

/** A process to start and the port by which it shows that it is up. */
export interface ChildOptions {
  /** May depend on the folder that is its home, made for it and removed with it. */
  readonly command: readonly string[] | ((folder: string) => readonly string[]);
  /** Ports that must accept; the first one's first connection is what the start time means. */
  readonly ports: readonly number[];
}

/** A started process. */
export interface Child {
  readonly pid: number;
  /** From spawning to the first accepted connection. */
  readonly startMs: number;
  /** Ends it: SIGTERM, and SIGKILL when that takes too long. */
  stop(): Promise<void>;
}

const START_LIMIT_MS = 10_000;
const STOP_LIMIT_MS = 3_000;
const TAIL_CHARACTERS = 2_000;
const POLL_MS = 1;
const FIRST_PORT = 20_000;
const PORTS = 12_000;
const PORT_TRIES = 100;

/**
 * Starts a process with an environment of PATH and HOME only, so that no setting of the caller's shell counts, and
 * waits until its ports accept.
 * @throws {ServerError} `child_failed` with the end of its output when it ends or does not accept in time
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { ports } = options;
  const folder = mkdtempSync(join(tmpdir(), "cableway-bench-"));
  const command = typeof options.command === "function" ? options.command(folder) : options.command;
  const output = join(folder, "output");
  const file = openSync(output, "w");
  const startedMs = performance.now();
  const child = Bun.spawn([...command], {
    env: { PATH: Bun.env["PATH"] ?? "", HOME: folder },
    stdin: "pipe",
    stdout: file,
    stderr: file,
  });
  closeSync(file);
  // A runner that is interrupted leaves nothing behind.
  const abandon = () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", abandon);
  const stop = async () => {
    await end(child);
    process.off("exit", abandon);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    let startMs = Number.NaN;
    for (const port of ports) {
      await accepting(port, child, startedMs + START_LIMIT_MS);
      if (Number.isNaN(startMs)) startMs = performance.now() - startedMs;
    }
    return { pid: child.pid, startMs, stop };
  } catch (error) {
    const tail = readFileSync(output, "utf8").slice(-TAIL_CHARACTERS);
    await stop();
    throw failedStart(command, tail, error);
  }
}

/**
 * A TCP port of 127.0.0.1 that nobody listens on, below the range of local ports: a client polling a port of that
 * range may by chance get it as its own and be connected to itself.
 * @throws {ServerError} `no_free_port` after many tries
 */
export function freePort(): number {
  for (let tries = 0; tries < PORT_TRIES; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => {} } }).stop(true);
      return port;
    } catch {
      // Taken: try another one.
    }
  }
  throw new ServerError("no_free_port", `${PORT_TRIES} ports tried from ${FIRST_PORT} on`);
}

function failedStart(command: readonly string[], tail: string, cause: unknown): ServerError {
  const text = `${command.join(" ")}: ${errorText(cause)}\n${tail}`;
  return new ServerError("child_failed", text, { cause });
}

async function accepting(port: number, child: Subprocess, untilMs: number): Promise<void> {
  while (performance.now() < untilMs) {
    if (child.exitCode !== null) {
      throw new ServerError("child_ended", `ended with code ${child.exitCode}`);
    }
    try {
      const socket = { data: () => {} };
      (await Bun.connect({ hostname: "127.0.0.1", port, socket })).terminate();
      return;
    } catch {
      // Not listening yet: that is what is being waited for.
      await Bun.sleep(POLL_MS);
    }
  }
  throw new ServerError("child_silent", `port ${port} does not accept connections`);
}

async function end(child: Subprocess): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
  await child.exited;
  clearTimeout(timer);
}
