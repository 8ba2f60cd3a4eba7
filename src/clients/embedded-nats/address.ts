import { errorText } from "../../messages/server-error.ts";
import { failure } from "./failure.ts";

const LISTEN_URL = /^([a-z][a-z0-9+.-]*):\/\/(?:[^@/]*@)?(\[[^\]]+\]|[^:/?#\s]*)(?::(\d*))?\/?$/i;
const ANY_HOST = "0.0.0.0";

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `nats://host:port`; scheme and port are needed, user and password are ignored, no host means all interfaces.
 * @throws {ServerError} `embedded_nats_failed`
 */
export function parseListenAddress(text: string): ListenAddress {
  const match = LISTEN_URL.exec(text);
  if (match === null) {
    throw failure(`failed to parse NATS server URL "${text}", expected nats://host:port`);
  }
  const [, scheme = "", host = "", port = ""] = match;
  if (scheme.toLowerCase() === "tls") {
    throw failure(`failed to parse NATS server URL "${text}": the embedded server has no TLS`);
  }
  if (port === "") {
    throw failure(`failed to parse NATS server URL, can not fetch port: "${text}"`);
  }
  if (Number(port) < 1 || Number(port) > 65_535) {
    throw failure(`failed to parse NATS server URL "${text}", ports are from 1 to 65535`);
  }
  return { host: host === "" ? ANY_HOST : host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/** A remote cluster. */
export interface RemoteGateway {
  readonly name: string;
  readonly urls: readonly string[];
}

/**
 * Reads `name:url,url`.
 *
 *     east:nats://h1:7222,nats://h2:7222
 *
 * @throws {ServerError} `embedded_nats_failed`
 */
export function parseGateway(text: string): RemoteGateway {
  const colon = text.indexOf(":");
  const urls = text
    .slice(colon + 1)
    .split(",")
    .map((url) => url.trim())
    .filter((url) => url !== "");
  if (colon < 1 || urls.length === 0) {
    throw failure(`failed to parse gateway "${text}", expected name:url,url`);
  }
  for (const url of urls) requireUrl(url);
  return { name: text.slice(0, colon).trim(), urls };
}

/** @throws {ServerError} `embedded_nats_failed` */
export function parseRoute(text: string): string {
  try {
    requireUrl(text.trim());
  } catch (error) {
    throw badRoute(error);
  }
  return text.trim();
}

function badRoute(cause: unknown): Error {
  return failure(`failed to parse routes: ${errorText(cause)}`, cause);
}

function requireUrl(text: string): void {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\/[^\s/]+/i.test(text) && URL.canParse(text);
  if (!isUrl) throw failure(`"${text}" is no URL, expected nats://host:port`);
}

/** A text without the users and passwords of the URLs in it: for the log. */
export function withoutLogin(text: string): string {
  return text.replace(/:\/\/[^@/,\s]*@/g, "://");
}

/** Where clients of this machine reach the server. */
export function localAddress({ host, port }: ListenAddress): ListenAddress {
  return { host: host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host, port };
}
