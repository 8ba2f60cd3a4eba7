import { loadLibc } from "./libc.ts";

/** The first argument that makes the executable a trampoline. */
export const INTERNAL_EXEC = "--internal-exec";
/** The exit code that says: the program could not be executed. */
export const EXEC_FAILED = 127;

const PR_SET_PDEATHSIG = 1;
const SIGTERM = 15;

/**
 * Becomes another program that ends when its parent does, however that dies. `main` calls it before anything else when
 * the first argument is `--internal-exec`; it never returns.
 *
 *     cableway --internal-exec <pid of the parent> <path> <name> <argument>…
 *
 * @param args what follows `--internal-exec`
 */
export async function runInternalExec(args: readonly string[]): Promise<never> {
  const [parent, path, ...rest] = args;
  try {
    const libc = await loadLibc();
    libc.prctl(PR_SET_PDEATHSIG, SIGTERM);
    // A parent that died before the line above sends no signal any more.
    if (libc.getppid() !== Number(parent)) process.exit(0);
    if (path !== undefined) libc.execv(path, rest);
  } catch {
    // Whatever it was, the exit code tells the parent to try another way.
  }
  process.exit(EXEC_FAILED);
}

/** The command that makes this very program a trampoline, run from source or built. For the main program only. */
export function selfTrampoline(): readonly string[] {
  const isBuilt = Bun.main.startsWith("/$bunfs/");
  return isBuilt ? [process.execPath, INTERNAL_EXEC] : [process.execPath, Bun.main, INTERNAL_EXEC];
}
