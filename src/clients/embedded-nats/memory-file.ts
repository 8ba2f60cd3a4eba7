import { closeSync, writeSync } from "node:fs";
import { loadLibc } from "./libc.ts";

/** A file without a name, in memory. Other processes of this user can open and execute it by `path` until `close`. */
export interface MemoryFile {
  readonly path: string;
  readonly close: () => void;
}

const MFD_CLOEXEC = 1;
const MFD_EXEC = 0x10;

/** @returns null where the system has no such files, or no memory for this one */
export async function createMemoryFile(
  name: string,
  bytes: Uint8Array,
): Promise<MemoryFile | null> {
  let fd = -1;
  try {
    const { memfdCreate } = await loadLibc();
    fd = memfdCreate(name, MFD_CLOEXEC | MFD_EXEC);
    // Kernels before 6.3 do not know the second flag.
    if (fd < 0) fd = memfdCreate(name, MFD_CLOEXEC);
    if (fd < 0) return null;
    writeAll(fd, bytes);
    return { path: `/proc/${process.pid}/fd/${fd}`, close: () => closeSync(fd) };
  } catch {
    // The caller has another way.
    if (fd >= 0) closeSync(fd);
    return null;
  }
}

/** Writes all of it: a single write may take less. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
}
