import { readdirSync, readFileSync } from "node:fs";

/** What the system has booked to a process and everything it started. */
export interface Account {
  /** User and system time, ended children included. Resolution: 10 ms. */
  readonly cpuSeconds: number;
  /** Resident memory in bytes, running children included. */
  readonly residentBytes: number;
  /** The most `pid` alone has ever had resident. */
  readonly peakBytes: number;
}

interface Entry {
  readonly parent: number;
  readonly ticks: number;
}

/** USER_HZ: 100 on every Linux architecture Bun runs on. */
const TICKS_PER_SECOND = 100;

/**
 * The account of `pid` now, from `/proc` (proc(5), "/proc/pid/stat", fields ppid, utime, stime, cutime, cstime, and
 * "/proc/pid/status", VmRSS and VmHWM).
 * @throws {Error} when the process is gone
 */
export function readAccount(pid: number): Account {
  const entries = readEntries();
  const family = [pid];
  for (const member of family) {
    for (const [child, entry] of entries) if (entry.parent === member) family.push(child);
  }
  let ticks = 0;
  let residentBytes = 0;
  for (const member of family) {
    ticks += entries.get(member)?.ticks ?? 0;
    if (member !== pid) residentBytes += statusBytes(readOrNull(statusFile(member)) ?? "", "VmRSS");
  }
  const status = readFileSync(statusFile(pid), "latin1");
  return {
    cpuSeconds: ticks / TICKS_PER_SECOND,
    residentBytes: residentBytes + statusBytes(status, "VmRSS"),
    peakBytes: statusBytes(status, "VmHWM"),
  };
}

function readEntries(): Map<number, Entry> {
  const entries = new Map<number, Entry>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? readOrNull(`/proc/${pid}/stat`) : null;
    if (stat === null) continue;
    // The command name, in parentheses, may hold blanks: fields are counted behind it, `state` first.
    const fields = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15);
    entries.set(pid, { parent: fields[1] ?? 0, ticks: utime + stime + cutime + cstime });
  }
  return entries;
}

function statusFile(pid: number): string {
  return `/proc/${pid}/status`;
}

function statusBytes(status: string, field: string): number {
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) * 1024;
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // A process that ended between listing and reading: it has no account any more.
    return null;
  }
}
