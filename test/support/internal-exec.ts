import { runInternalExec } from "../../src/clients/embedded-nats/internal-exec.ts";

/** Stands for `cableway --internal-exec …` where nothing is built yet. */
await runInternalExec(process.argv.slice(2));
