import { readFileSync } from "node:fs";
import { copyToCache } from "./cached-program.ts";
import { failure } from "./failure.ts";
import { createMemoryFile } from "./memory-file.ts";
import { isCompiled, packedNatsServer } from "./packed.ts";

/** A place from which the server can be executed. */
export interface ServerProgram {
  readonly path: string;
  /** For the log. */
  readonly origin: "packed" | "packed, cached" | "PATH";
  /** Gives up what keeps it there; it cannot be started again. */
  readonly release: () => void;
}

/** Where to look and where to put. */
export interface ProgramOptions {
  /** Used when memory cannot be executed from; made with mode 0700 when missing. */
  readonly cacheFolder: string;
  /** Folders separated by `:`, as in the variable PATH; those of system programs are looked at, too. */
  readonly searchPath: string;
}

/** Where distributions put servers; not on the PATH of ordinary users. */
const SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin";

/**
 * Where the server is, best first; the next one is for when the one before cannot be executed.
 * @throws {ServerError} `embedded_nats_failed` when there is none
 */
export async function* findPrograms(options: ProgramOptions): AsyncGenerator<ServerProgram> {
  const packed = await packedNatsServer();
  if (packed === null) yield fromPath(options.searchPath);
  else if (!isCompiled()) yield { path: packed, origin: "packed", release: nothing };
  else yield* unpacked(readFileSync(packed), options.cacheFolder);
}

async function* unpacked(bytes: Uint8Array, cacheFolder: string): AsyncGenerator<ServerProgram> {
  const file = await createMemoryFile("nats-server", bytes);
  if (file !== null) yield { path: file.path, origin: "packed", release: file.close };
  yield { path: copyToCache(bytes, cacheFolder), origin: "packed, cached", release: nothing };
}

function fromPath(searchPath: string): ServerProgram {
  const path = Bun.which("nats-server", { PATH: `${searchPath}:${SYSTEM_FOLDERS}` });
  if (path !== null) return { path, origin: "PATH", release: nothing };
  throw failure("this build has no nats-server inside, and there is none on PATH: install one");
}

function nothing(): void {
  // A file that stays.
}
