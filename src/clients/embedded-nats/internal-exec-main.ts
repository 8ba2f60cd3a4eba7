import { INTERNAL_EXEC, runInternalExec } from "./internal-exec.ts";

/** The trampoline's entry when the server is run from source; compiled, it is the executable itself. */

const [marker, ...args] = process.argv.slice(2);
if (marker === INTERNAL_EXEC) await runInternalExec(args);
