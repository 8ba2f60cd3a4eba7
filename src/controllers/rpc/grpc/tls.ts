import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import * as tls from "node:tls";
import { errorText, ServerError } from "../../../messages/server-error.ts";

export interface TlsOptions {
  readonly isEnabled: boolean;
  /** False accepts any certificate and any name in it. */
  readonly isVerified: boolean;
  /** A file, or PEM text; empty for the system's authorities. Given, it switches TLS on. */
  readonly rootCa: string;
  /** False accepts servers that do not say that they speak HTTP/2 (`GRPC_ENFORCE_ALPN_ENABLED=false`). */
  readonly isAlpnRequired: boolean;
}

/** TLS as the connections need it. */
export interface TlsSettings {
  readonly isVerified: boolean;
  /** PEM text of the only authorities to trust; null for the system's. */
  readonly ca: string | null;
  readonly isAlpnRequired: boolean;
}

/** True when connections are to be encrypted. Source: spec "rpc", section 6.1 */
export function isTlsOn(options: TlsOptions): boolean {
  return options.isEnabled || options.rootCa !== "";
}

/**
 * Reads and checks what TLS needs.
 * @throws {ServerError} `rpc_bad_root_ca` when the certificate cannot be read or is none
 */
export function loadTlsSettings(options: TlsOptions): TlsSettings {
  const { isVerified, isAlpnRequired, rootCa } = options;
  if (rootCa === "") return { isVerified, isAlpnRequired, ca: null };
  const ca = isFile(rootCa) ? readCa(rootCa) : rootCa;
  checkCa(ca);
  return { isVerified, isAlpnRequired, ca };
}

/** Opens an encrypted socket over a TCP or Unix address. @param serverName the name the certificate must carry */
export function dialTls(
  endpoint: { readonly host: string; readonly port: number } | { readonly path: string },
  serverName: string,
  settings: TlsSettings,
): tls.TLSSocket {
  const socket = tls.connect({
    ...endpoint,
    // not defined for an IP: names only (RFC 6066); the certificate's IPs are checked all the same
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(settings.ca === null ? {} : { ca: settings.ca }),
    ALPNProtocols: ["h2"],
    minVersion: "TLSv1.2",
    rejectUnauthorized: settings.isVerified,
  });
  if (!settings.isAlpnRequired) pretendAlpn(socket);
  return socket;
}

/** The HTTP/2 client asks for this property and refuses peers without it; the handshake writes to it. */
function pretendAlpn(socket: tls.TLSSocket): void {
  Object.defineProperty(socket, "alpnProtocol", { get: () => "h2", set: () => undefined });
}

/** Any error means that the value is no file name: a PEM text may be too long for one. */
function isFile(value: string): boolean {
  try {
    return !statSync(value).isDirectory();
  } catch {
    return false;
  }
}

function readCa(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw badCa(`failed to read RPC root CA certificate: ${errorText(error)}`, error);
  }
}

/** Every certificate of the text must be good: the TLS library takes text without any, and skips broken ones. */
function checkCa(pem: string): void {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw badCa("failed to parse RPC root CA certificate", undefined);
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch (error) {
    throw badCa("failed to parse RPC root CA certificate", error);
  }
}

function badCa(message: string, cause: unknown): ServerError {
  return new ServerError("rpc_bad_root_ca", message, { cause });
}
