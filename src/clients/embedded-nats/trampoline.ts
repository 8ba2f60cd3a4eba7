import { existsSync } from "node:fs";
import { join } from "node:path";
import { INTERNAL_EXEC } from "./internal-exec.ts";
import { isCompiled } from "./packed.ts";

/** What to run so that `path` runs and ends when this process does. `args` start with the program's name. */
export function trampoline(path: string, args: readonly string[]): string[] {
  return [...ourselves(), INTERNAL_EXEC, String(process.pid), path, ...args];
}

function ourselves(): string[] {
  if (!isCompiled()) return [process.execPath, join(import.meta.dir, "internal-exec-main.ts")];
  // The link rather than the path: an upgrade may have put another file there.
  const image = `/proc/${process.pid}/exe`;
  return [existsSync(image) ? image : process.execPath];
}
