import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { errorText, ServerError } from "../../messages/server-error.ts";
import type { RedisClientOptions, RedisTls } from "./target.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Reads the files of a TLS connection and checks them: at run time a broken one would only show as lost connections.
 * @throws {ServerError} `redis_tls_invalid` naming the file that cannot be used
 */
export function readRedisTls(options: RedisClientOptions): RedisTls {
  const { tlsCaCertPath, tlsClientCertPath, tlsClientKeyPath, isTlsVerified } = options;
  const ca = tlsCaCertPath === "" ? "" : readAuthority(tlsCaCertPath);
  if (tlsClientCertPath === "" || tlsClientKeyPath === "") {
    return { isVerified: isTlsVerified, ca, cert: "", key: "" };
  }
  return { isVerified: isTlsVerified, ca, ...readClient(tlsClientCertPath, tlsClientKeyPath) };
}

function readAuthority(path: string): string {
  const pem = read(path, "failed to read Redis CA certificate");
  const certificates = pem.match(CERTIFICATE) ?? [];
  try {
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch (error) {
    throw invalid("failed to parse Redis CA certificate", error);
  }
  if (certificates.length > 0) return certificates.join("\n");
  throw invalid("failed to parse Redis CA certificate");
}

function readClient(certPath: string, keyPath: string): { cert: string; key: string } {
  const failure = "failed to load Redis client certificate";
  const cert = read(certPath, failure);
  const key = read(keyPath, failure);
  let isPair: boolean;
  try {
    isPair = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw invalid(`${failure}: ${errorText(error)}`, error);
  }
  if (isPair) return { cert, key };
  throw invalid(`${failure}: private key does not match the certificate`);
}

function read(path: string, failure: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw invalid(`${failure}: open ${path}: ${reason(error)}`, error);
  }
}

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code === "ENOENT") return "no such file or directory";
  return code === "EACCES" ? "permission denied" : errorText(error);
}

function invalid(message: string, cause?: unknown): ServerError {
  return new ServerError("redis_tls_invalid", message, { cause });
}
