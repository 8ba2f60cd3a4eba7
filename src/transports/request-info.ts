import type { ClientEnv } from "../messages/client.ts";
import { isHeaderName } from "../messages/header-name.ts";
import { firstValue, headerText } from "./header-text.ts";

/** What of a request is handed to the application. */
export interface RequestInfoOptions {
  /** Names of proxied headers, lower case. */
  readonly headers: readonly string[];
  /** Names of proxied cookies; empty for all of them, as they came. */
  readonly cookies: readonly string[];
  /** Name of the token parameter when tokens are looked at, else null. */
  readonly jwtParam: string | null;
  readonly isTls: boolean;
}

/** A token offered as a sub-protocol, for browsers that cannot set headers. */
const TOKEN_SUBPROTOCOL = "anycable-token.";

/**
 * Cuts out of requests what the application learns of the client. Source: spec "protocol", section 2.
 * The URL is put together by hand: the runtime normalises the one it offers.
 */
export class RequestInfo {
  private readonly options: RequestInfoOptions;
  /** Those that can be in a request: the runtime throws when it is asked for any other name. */
  private readonly names: readonly string[];
  private readonly scheme: string;
  private readonly tokenHeader: string | null;
  private readonly isTokenHeaderPossible: boolean;

  constructor(options: RequestInfoOptions) {
    this.options = options;
    this.names = options.headers.filter((name) => name !== "host" && isHeaderName(name));
    this.scheme = options.isTls ? "https://" : "http://";
    this.tokenHeader = options.jwtParam === null ? null : `x-${options.jwtParam.toLowerCase()}`;
    this.isTokenHeaderPossible = this.tokenHeader !== null && isHeaderName(this.tokenHeader);
  }

  /** @param address IP of the peer; an IPv4 address in IPv6 clothing is undressed */
  env(request: Request, target: string, address: string): ClientEnv {
    const host = textOf(request.headers, "host") ?? "";
    return {
      url: `${this.scheme}${host}${target}`,
      headers: this.headers(request.headers, address),
    };
  }

  private headers(headers: Headers, address: string): Record<string, string> {
    const proxied: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const name of this.names) {
      const value = textOf(headers, name);
      const kept = name === "cookie" ? this.cookies(value) : value;
      if (kept !== null && kept !== "") proxied[name] = kept;
    }
    if (this.tokenHeader !== null) {
      const given = this.isTokenHeaderPossible ? textOf(headers, this.tokenHeader) : null;
      const token = firstValue(given ?? "") || subprotocolToken(headers);
      if (token !== "") proxied[this.tokenHeader] = token;
    }
    proxied["REMOTE_ADDR"] = address.startsWith("::ffff:") ? address.slice(7) : address;
    return proxied;
  }

  private cookies(header: string | null): string | null {
    const { cookies } = this.options;
    if (header === null || cookies.length === 0) return header;
    let kept = "";
    for (const pair of header.split(";")) {
      const equals = pair.indexOf("=");
      if (equals < 0) continue;
      const name = pair.slice(0, equals).trim();
      if (cookies.includes(name)) kept += `${name}=${pair.slice(equals + 1).trim()};`;
    }
    return kept;
  }
}

function textOf(headers: Headers, name: string): string | null {
  const value = headers.get(name);
  return value === null ? null : headerText(value);
}

function subprotocolToken(headers: Headers): string {
  const offers = headers.get("sec-websocket-protocol");
  if (offers === null || !offers.includes(TOKEN_SUBPROTOCOL)) return "";
  for (const offer of offers.split(",")) {
    const name = offer.trim();
    if (name.startsWith(TOKEN_SUBPROTOCOL)) return name.slice(TOKEN_SUBPROTOCOL.length);
  }
  return "";
}
