import { runInternalExec } from "./internal-exec.ts";

/** The trampoline's entry when the server is run from source; compiled, it is the executable itself. */

await runInternalExec(process.argv.slice(2));
