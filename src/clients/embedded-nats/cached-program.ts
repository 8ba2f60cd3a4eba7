import { createHash, randomUUID } from "node:crypto";
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { errorText } from "../../messages/server-error.ts";
import { failure } from "./failure.ts";
import { writeAll } from "./memory-file.ts";

/**
 * Puts the program into a folder that only this user can change; made with mode 0700 when missing. What lies there
 * already is used only if it is the same.
 * @throws {ServerError} `embedded_nats_failed` when the folder is not safe to use or cannot be written
 */
export function copyToCache(bytes: Uint8Array, folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    requirePrivate(folder);
    const sum = sha256(bytes);
    const path = join(folder, `nats-server-${sum.slice(0, 16)}`);
    if (!isSame(path, sum)) install(path, bytes);
    return path;
  } catch (error) {
    throw failure(`nats-server cannot be put into ${folder}: ${errorText(error)}`, error);
  }
}

function requirePrivate(folder: string): void {
  const { mode, uid } = lstatSync(folder);
  if (uid !== process.getuid?.()) throw failure("the folder belongs to somebody else");
  if ((mode & 0o022) !== 0) throw failure("others may write into the folder");
}

function isSame(path: string, sum: string): boolean {
  try {
    return lstatSync(path).isFile() && sha256(readFileSync(path)) === sum;
  } catch {
    // Not there yet.
    return false;
  }
}

function install(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.${randomUUID()}`;
  try {
    writeNew(temporary, bytes);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function writeNew(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, "wx", 0o700);
  try {
    writeAll(fd, bytes);
  } finally {
    closeSync(fd);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
