import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorText } from "../../messages/server-error.ts";
import { failure } from "./failure.ts";
import { createMemoryFile } from "./memory-file.ts";

/** A configuration that the server can read until `remove`. */
export interface ConfigFile {
  readonly path: string;
  readonly remove: () => void;
}

/**
 * Puts the configuration where only this user can read it: into memory, else into a new folder with mode 0700.
 * @throws {ServerError} `embedded_nats_failed` when neither works
 */
export async function createConfigFile(text: string, tempFolder: string): Promise<ConfigFile> {
  const file = await createMemoryFile("nats-server.conf", Buffer.from(text));
  if (file !== null) return { path: file.path, remove: file.close };
  return createInFolder(text, tempFolder);
}

/** As above, in a folder. */
export function createInFolder(text: string, tempFolder: string): ConfigFile {
  try {
    const folder = mkdtempSync(join(tempFolder, "cableway-nats-"));
    const path = join(folder, "nats-server.conf");
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
    return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
  } catch (error) {
    throw failure(`its configuration cannot be written: ${errorText(error)}`, error);
  }
}
