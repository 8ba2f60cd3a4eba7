import { loadLibc } from "./libc.ts";

/** The first argument that makes the executable a trampoline. */
export const INTERNAL_EXEC = "--internal-exec";
/** The exit code that says: the program could not be executed. */
export const EXEC_FAILED = 127;

const PR_SET_PDEATHSIG = 1;
/** Not SIGTERM: a server that hangs would never take it. When we stop in order we end it ourselves, with SIGTERM. */
const SIGKILL = 9;

/**
 * Does nothing unless the first argument is `--internal-exec`. Then it becomes another program that ends when its parent
 * does, however that dies, and never returns. `main` calls it before anything else.
 *
 *     cableway --internal-exec <pid of the parent> <path> <name> <argument>…
 *
 * @param argv what follows the program's name
 */
export async function runInternalExec(argv: readonly string[]): Promise<void> {
  const [marker, parent, path, ...rest] = argv;
  if (marker !== INTERNAL_EXEC) return;
  try {
    const libc = await loadLibc();
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL);
    // A parent that died before the line above sends no signal any more.
    if (libc.getppid() !== Number(parent)) process.exit(0);
    if (path !== undefined) libc.execv(path, rest);
  } catch {
    // Whatever it was, the exit code tells the parent to try another way.
  }
  process.exit(EXEC_FAILED);
}
