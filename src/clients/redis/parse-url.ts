import { ServerError } from "../../messages/server-error.ts";
import { parseGoDuration } from "./go-duration.ts";
import type { RedisAddress, RedisLogin } from "./target.ts";

/** What one Redis URL says. */
export interface RedisUrl {
  /** The host as written; the name of the primary when sentinels are used. */
  readonly host: string;
  /** The URL's own address first, then those of its `addr` parameters. */
  readonly addresses: readonly RedisAddress[];
  readonly login: RedisLogin;
  readonly isTls: boolean;
  /** null when the URL names none. */
  readonly database: number | null;
  /** 0: not given. */
  readonly dialTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly clientName: string;
  /** What the sentinel at this address calls the primary; empty for a data node. */
  readonly masterSet: string;
}

const DEFAULT_PORT = 6379;
const TLS_SCHEMES = new Set(["rediss", "valkeys"]);
const SCHEMES = new Set(["redis", "valkey", "unix", ...TLS_SCHEMES]);

/**
 * Reads a Redis URL; a missing scheme means `redis://`.
 *
 *     rediss://user:pass@redis.internal:6380/1?dial_timeout=3s
 *     unix:///run/redis.sock?db=2
 *
 * @throws {ServerError} `redis_url_invalid`; the message never shows credentials
 * Source: spec "messaging", section 7. Written by hand: URL classes normalise, and ioredis misreads half of these.
 */
export function parseRedisUrl(text: string): RedisUrl {
  const { scheme, authority, path, query } = split(text);
  if (!SCHEMES.has(scheme)) throw invalid(`invalid URL scheme: ${scheme}`);
  const at = authority.lastIndexOf("@");
  const login = parseLogin(at === -1 ? "" : authority.slice(0, at));
  const hostPort = authority.slice(at + 1);
  const address = scheme === "unix" ? parseSocket(path) : parseAddress(hostPort);
  const database = parseDatabase(query.get("db") ?? (scheme === "unix" ? "" : pathDatabase(path)));
  return {
    host: "host" in address ? address.host : "",
    addresses: [address, ...query.getAll("addr").map(parseAddress)],
    login,
    isTls: TLS_SCHEMES.has(scheme),
    database,
    dialTimeoutMs: parseTimeout("dial", query.get("dial_timeout")),
    writeTimeoutMs: parseTimeout("write", query.get("write_timeout")),
    clientName: query.get("client_name") ?? "",
    masterSet: query.get("master_set") ?? "",
  };
}

/**
 * `host`, `host:port`, `[::1]:6379` or nothing at all: the host is `localhost` and the port 6379 unless given.
 * @throws {ServerError} `redis_url_invalid`
 */
export function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(text);
  if (match === null) throw invalid(`invalid address: ${JSON.stringify(text)}`);
  const [, bracketed, plain, port = ""] = match;
  const host = decode(bracketed ?? plain ?? "");
  if (/\s/.test(host)) throw invalid(`invalid host: ${JSON.stringify(host)}`);
  return { host: host === "" ? "localhost" : host, port: parsePort(port) };
}

interface Parts {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

function split(text: string): Parts {
  const trimmed = text.endsWith("/") && !text.endsWith("://") ? text.slice(0, -1) : text;
  const withScheme = trimmed.includes("://") ? trimmed : `redis://${trimmed}`;
  const schemeEnd = withScheme.indexOf("://");
  const scheme = withScheme.slice(0, schemeEnd).toLowerCase();
  if (scheme !== "unix") requireEncodedPassword(withScheme.slice(schemeEnd + 3));
  const [beforeFragment = ""] = withScheme.slice(schemeEnd + 3).split("#", 1);
  const queryStart = beforeFragment.indexOf("?");
  const target = queryStart === -1 ? beforeFragment : beforeFragment.slice(0, queryStart);
  const pathStart = target.indexOf("/");
  return {
    scheme,
    authority: pathStart === -1 ? target : target.slice(0, pathStart),
    path: pathStart === -1 ? "" : target.slice(pathStart),
    query: new URLSearchParams(queryStart === -1 ? "" : beforeFragment.slice(queryStart + 1)),
  };
}

/** A password with one of these would be read as host, port or database, and shown with the refusal. */
function requireEncodedPassword(rest: string): void {
  if (!/^[^?]*[/#][^?]*@|^[^/@]*\?[^=&]*@/.test(rest)) return;
  throw invalid("invalid URL: percent-encode / ? # @ in user and password");
}

function parseSocket(path: string): { readonly path: string } {
  const decoded = decode(path.trim());
  if (decoded === "") throw invalid("invalid URL: no path of a socket");
  return { path: decoded };
}

function parseLogin(text: string): RedisLogin {
  const colon = text.indexOf(":");
  if (colon === -1) return { username: decode(text), password: "" };
  return { username: decode(text.slice(0, colon)), password: decode(text.slice(colon + 1)) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    // The text may be a password: it is not shown.
    throw invalid("invalid URL: invalid percent-encoding", error);
  }
}

function parsePort(text: string): number {
  if (text === "") return DEFAULT_PORT;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw invalid(`invalid port: ${JSON.stringify(text)}`);
  return port;
}

function pathDatabase(path: string): string {
  const [, database = "", ...rest] = path.split("/");
  if (rest.length > 0) throw invalid(`invalid URL path: ${path}`);
  return database;
}

function parseDatabase(text: string): number | null {
  if (text === "") return null;
  if (!/^\d{1,9}$/.test(text)) throw invalid(`invalid database number: ${JSON.stringify(text)}`);
  return Number(text);
}

function parseTimeout(name: string, text: string | null): number {
  if (text === null) return 0;
  const ms = parseGoDuration(text);
  if (ms === null || ms < 0) throw invalid(`invalid ${name} timeout: ${JSON.stringify(text)}`);
  return ms;
}

function invalid(problem: string, cause?: unknown): ServerError {
  return new ServerError("redis_url_invalid", `redis: ${problem}`, { cause });
}
