import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { errorText, ServerError } from "../messages/server-error.ts";

/** Certificate chain and key as PEM text. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/** @throws {ServerError} `bad_certificate` when a file cannot be read or the two do not belong together */
export function loadTls(paths: { readonly certPath: string; readonly keyPath: string }): TlsPair {
  const pair = { cert: read(paths.certPath), key: read(paths.keyPath) };
  try {
    createSecureContext(pair);
  } catch (error) {
    throw badCertificate(`${paths.certPath} and ${paths.keyPath}: ${errorText(error)}`, error);
  }
  return pair;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const isMissing = (error as { code?: unknown }).code === "ENOENT";
    const reason = isMissing ? "no such file or directory" : errorText(error);
    throw badCertificate(`open ${path}: ${reason}`, error);
  }
}

function badCertificate(text: string, cause: unknown): ServerError {
  const message = `failed to load SSL certificate, cause: ${text}`;
  return new ServerError("bad_certificate", message, { cause });
}
