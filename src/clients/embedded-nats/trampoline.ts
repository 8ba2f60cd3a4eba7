import { join } from "node:path";
import { INTERNAL_EXEC } from "./internal-exec.ts";
import { isCompiled } from "./packed.ts";

/** What to run so that `path` runs and ends when this process does. `args` start with the program's name. */
export function trampoline(path: string, args: readonly string[]): string[] {
  return [...ourselves(), INTERNAL_EXEC, String(process.pid), path, ...args];
}

function ourselves(): string[] {
  // The link, not the path: an upgrade may have put another file there.
  if (isCompiled()) return [`/proc/${process.pid}/exe`];
  return [process.execPath, join(import.meta.dir, "internal-exec-main.ts")];
}
