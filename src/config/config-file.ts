import { errorText, ServerError } from "../messages/server-error.ts";

/** The files the configuration may be read from. */
export interface Files {
  exists(path: string): boolean;
  /** @throws the error of the file system, with its `code` */
  read(path: string): Uint8Array;
}

const DISCOVERED = ["./anycable.toml", "/etc/anycable/anycable.toml"];
const REASONS: ReadonlyMap<unknown, string> = new Map([
  ["ENOENT", "no such file or directory"],
  ["EACCES", "permission denied"],
  ["ENOTDIR", "not a directory"],
]);

/** The one file to read: the given one, else the first that exists; `null`: none, or an empty name was given. */
export function chooseConfigFile(given: string | null, files: Files): string | null {
  if (given !== null) return given === "" ? null : given;
  return DISCOVERED.find((path) => files.exists(path)) ?? null;
}

/** The text of a file, UTF-8, without its byte order mark. @throws {ServerError} `unreadable_config_file` */
export function readConfigFile(path: string, files: Files): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(files.read(path));
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): ServerError {
  return new ServerError("unreadable_config_file", problem(path, error), { cause: error });
}

function problem(path: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") {
    return `failed to parse TOML configuration, cause: toml: ${path} is not UTF-8`;
  }
  if (code === "EISDIR") return `failed to read config file, cause: read ${path}: is a directory`;
  const reason = REASONS.get(code) ?? errorText(error);
  return `failed to read config file, cause: open ${path}: ${reason}`;
}
