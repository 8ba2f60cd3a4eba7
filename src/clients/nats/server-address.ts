import { ServerError } from "../../messages/server-error.ts";

/** A server and how to get in. */
export interface NatsServerAddress {
  /** `host:port`, IPv6 in brackets. */
  readonly hostPort: string;
  readonly isTls: boolean;
  /** Empty: none. */
  readonly user: string;
  readonly password: string;
  /** From a URL with a name and no password; empty: none. */
  readonly token: string;
  /** For logs: the URL without user, password, token and path. */
  readonly url: string;
}

const DEFAULT_PORT = "4222";
/** Where to reach a server that listens everywhere: its own address may be given to its clients. */
const ANYWHERE: ReadonlyMap<string, string> = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["[::]", "[::1]"],
]);
const SHAPE =
  /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?(?:([^@/]*)@)?(\[[0-9A-Fa-f:.%]+\]|[^:/?#@[\]\s]+)(?::(\d{1,5}))?\/?$/;

/**
 * Reads the address of a server, `nats://user:password@host:4222`; `tls://` asks for TLS, a name without a password is a
 * token, the port is 4222 unless given, the scheme may be left out. User and password may be percent-encoded.
 * @throws {ServerError} `invalid_nats_url`; the text shows neither user nor password
 */
export function parseServerAddress(text: string): NatsServerAddress {
  const match = SHAPE.exec(text.trim());
  const [, scheme = "nats", userInfo, host = "", port] = match ?? [];
  if (match === null || Number(port ?? DEFAULT_PORT) > 65_535) throw refusal(text);
  const kind = scheme.toLowerCase();
  if (kind !== "nats" && kind !== "tls") throw refusal(text);
  return {
    hostPort: `${ANYWHERE.get(host) ?? host}:${port ?? DEFAULT_PORT}`,
    isTls: kind === "tls",
    ...parseUserInfo(userInfo, text),
    url: `${kind}://${host}${port === undefined ? "" : `:${port}`}`,
  };
}

/** All of a list, blank items skipped. @throws {ServerError} `invalid_nats_url` also when none is left */
export function parseServerAddresses(list: readonly string[]): readonly NatsServerAddress[] {
  const addresses = list.filter((text) => text.trim() !== "").map(parseServerAddress);
  if (addresses.length === 0) throw new ServerError("invalid_nats_url", "no NATS server is given");
  return addresses;
}

/** For start lines: the list as given, without credentials. */
export function describeServers(addresses: readonly NatsServerAddress[]): string {
  return addresses.map(({ url }) => url).join(",");
}

function parseUserInfo(
  text: string | undefined,
  whole: string,
): Pick<NatsServerAddress, "user" | "password" | "token"> {
  if (text === undefined || text === "") return { user: "", password: "", token: "" };
  const colon = text.indexOf(":");
  try {
    if (colon === -1) return { user: "", password: "", token: decodeURIComponent(text) };
    const user = decodeURIComponent(text.slice(0, colon));
    return { user, password: decodeURIComponent(text.slice(colon + 1)), token: "" };
  } catch (error) {
    throw refusal(whole, error);
  }
}

/** Tells what is wrong without showing the secret. */
function refusal(text: string, cause?: unknown): ServerError {
  const shown = text.replace(/^([^@]*:\/\/)?[^@]*@/, "$1***@");
  const allowed = "allowed is nats://[user:password@]host[:port], or tls://";
  return new ServerError("invalid_nats_url", `invalid NATS server "${shown}": ${allowed}`, {
    cause,
  });
}
