import { isIP } from "node:net";
import { ServerError } from "../../../messages/server-error.ts";

/** A place to connect to. `host` may be a name: it is looked up while connecting. */
export interface Address {
  readonly endpoint:
    | { readonly kind: "tcp"; readonly host: string; readonly port: number }
    /** A Unix socket; an abstract one begins with a zero byte. */
    | { readonly kind: "unix"; readonly path: string };
  readonly authority: string;
  /** The name a TLS certificate must carry. */
  readonly serverName: string;
}

/** What a host option means for the channel. */
export type Target =
  | { readonly kind: "addresses"; readonly addresses: readonly Address[] }
  /** All addresses of a name. @see Address for `authority` */
  | {
      readonly kind: "dns";
      readonly host: string;
      readonly port: number;
      readonly authority: string;
      /** Name server as `ip` or `ip:port`; empty for the system's resolver. */
      readonly server: string;
    };

const DEFAULT_PORT = 443;

/**
 * Reads a gRPC host: `host:port`, `dns://[server]/host[:port]`, `grpc-list://a:1,b:2`, `unix:path`,
 * `unix-abstract:name`, `ipv4:`, `ipv6:`, `passthrough:///host:port`, `grpc://host:port`; schemes in any case.
 * @param skip told the entries of a list that are no addresses, when others are
 * @throws {ServerError} `rpc_bad_host` for what no call can reach. Source: spec "rpc", section 3
 */
export function parseTarget(host: string, skip: (entry: string) => void = ignore): Target {
  const [, scheme = "", rest = ""] = /^([a-z0-9-]+):(.*)$/is.exec(host) ?? [];
  switch (scheme.toLowerCase()) {
    case "grpc-list":
      return listOf(withoutSlashes(rest).split(/[,/]/), null, skip);
    case "ipv4":
    case "ipv6":
      return listOf(rest.split(","), DEFAULT_PORT, skip);
    case "unix":
      return unixSocket(rest.startsWith("//") ? rest.slice(2) : rest);
    case "unix-abstract":
      return unixSocket(`\0${rest}`);
    case "dns":
      return rest.startsWith("//") ? parseDnsUri(rest.slice(2), host) : byName(rest, "");
    case "passthrough":
      return { kind: "addresses", addresses: [addressOf(rest.replace(/^\/\/[^/]*\//, ""), null)] };
    case "grpc":
      if (rest.startsWith("//")) return byName(rest.slice(2), "");
      return byName(host, "");
    default:
      return byName(host, "");
  }
}

/** `name:port`, `[v6]:port`, `name`, `:port`; @param defaultPort null when there must be one */
export function splitHostPort(
  text: string,
  defaultPort: number | null,
): { readonly host: string; readonly port: number } {
  const [, v6, name = "", digits] = /^(?:\[([^\]]*)\]|([^:[\]/]*))(?::(\d*))?$/.exec(text) ?? [];
  const isBareV6 = isIP(text) === 6;
  const host = isBareV6 ? text : (v6 ?? name);
  const port = digits === undefined || digits === "" ? defaultPort : Number(digits);
  if ((host === "" && digits === undefined) || port === null || port < 1 || port > 65535) {
    throw badHost(text);
  }
  return { host: host === "" ? "localhost" : host, port };
}

function byName(text: string, server: string): Target {
  const { host, port } = splitHostPort(text, DEFAULT_PORT);
  const authority = text.startsWith(":") ? `localhost${text}` : text;
  if (isIP(host) === 0) return { kind: "dns", host, port, authority, server };
  const endpoint = { kind: "tcp", host, port } as const;
  return { kind: "addresses", addresses: [{ endpoint, authority, serverName: host }] };
}

function parseDnsUri(rest: string, whole: string): Target {
  const slash = rest.indexOf("/");
  if (slash < 0) throw badHost(whole);
  return byName(rest.slice(slash + 1), rest.slice(0, slash));
}

function unixSocket(path: string): Target {
  if (path === "" || path === "\0") throw badHost(path);
  const endpoint = { kind: "unix", path } as const;
  const address = { endpoint, authority: "localhost", serverName: "localhost" };
  return { kind: "addresses", addresses: [address] };
}

function listOf(
  texts: readonly string[],
  defaultPort: number | null,
  skip: (entry: string) => void,
): Target {
  const addresses: Address[] = [];
  const bad: string[] = [];
  for (const entry of texts.map((text) => text.trim()).filter((text) => text !== "")) {
    try {
      addresses.push(addressOf(entry, defaultPort));
    } catch {
      bad.push(entry);
    }
  }
  if (addresses.length === 0) throw badHost(texts.join(","));
  for (const entry of bad) skip(entry);
  return { kind: "addresses", addresses };
}

function addressOf(text: string, defaultPort: number | null): Address {
  const { host, port } = splitHostPort(text, defaultPort);
  return { endpoint: { kind: "tcp", host, port }, authority: text, serverName: host };
}

function withoutSlashes(rest: string): string {
  return rest.startsWith("//") ? rest.slice(2) : rest;
}

function ignore(): void {
  // for whoever does not ask
}

function badHost(text: string): ServerError {
  return new ServerError("rpc_bad_host", `no usable RPC address: ${text}`);
}
