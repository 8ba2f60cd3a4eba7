import { readFileSync } from "node:fs";

/** How many files and sockets the process may have open (the runtime has raised the soft limit to the hard one); null when unknown. */
export function openFileLimit(): number | null {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const value = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
    if (value === undefined) return null;
    return value === "unlimited" ? Number.POSITIVE_INFINITY : Number(value);
  } catch {
    // Not Linux, or no /proc in the container.
    return null;
  }
}
