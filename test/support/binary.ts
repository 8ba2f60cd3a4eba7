import { join } from "node:path";
import { OutputFile } from "./output-file.ts";

const BINARY = join(import.meta.dirname, "../../dist/cableway");
const LIMIT_MS = 15_000;

/** How the executable is run: nothing is added to its arguments, and its environment is only what is given. */
export interface BinaryOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Looked at while it runs; when it resolves, the process is killed. Without it, the process ends by itself. */
  readonly meanwhile?: () => Promise<void>;
}

/** What a run left behind. `exitCode` is null for a process that had to be killed. */
export interface BinaryRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built executable to its end, 15 seconds at most. */
export async function runBinary(
  args: readonly string[],
  options: BinaryOptions = {},
): Promise<BinaryRun> {
  const stdout = new OutputFile();
  const stderr = new OutputFile();
  const child = Bun.spawn([BINARY, ...args], {
    env: { ...options.env },
    stdin: "ignore",
    stdout: stdout.fd,
    stderr: stderr.fd,
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  try {
    await options.meanwhile?.();
  } finally {
    if (options.meanwhile !== undefined) child.kill("SIGKILL");
    await child.exited;
    stdout.close();
    stderr.close();
  }
  return { exitCode: child.exitCode, stdout: stdout.text, stderr: stderr.text };
}
