import { existsSync, readFileSync, writeSync } from "node:fs";
import { becomeEmbeddedNats } from "./app/embedded-nats.ts";
import { createRandomId } from "./app/random-id.ts";
import { runServer } from "./app/run.ts";
import { loadConfig } from "./config/load.ts";

const argv = process.argv.slice(2);
await becomeEmbeddedNats(argv);

const loaded = loadConfig({
  argv,
  env: process.env,
  files: { exists: existsSync, read: (path) => readFileSync(path) },
  now: () => new Date(),
  random: createRandomId(),
});

if (loaded.kind === "exit") {
  writeAll(1, loaded.stdout);
  writeAll(2, loaded.stderr);
  process.exit(loaded.code);
}
await runServer(loaded);

/** Synchronous: what is written must be out before the process ends. Ends it when nobody takes it. */
function writeAll(descriptor: number, text: string): void {
  let bytes: Uint8Array = Buffer.from(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(descriptor, bytes));
  } catch {
    // A closed pipe or a full disk: there is nobody left to tell.
    process.exit(1);
  }
}
