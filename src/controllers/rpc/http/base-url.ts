import { errorText, ServerError } from "../../../messages/server-error.ts";

/** Where calls go, and how they are authorized when there is no secret. */
export interface BaseUrl {
  /** The base with the name of the call appended to its path. */
  readonly urlOf: (call: string) => string;
  /** `Basic …` from the user part of the base; null without one. */
  readonly basicAuth: string | null;
}

/**
 * Reads the base URL of HTTP RPC: `http://h:3000/_anycable` gives `http://h:3000/_anycable/connect`. A slash
 * at the end of the path makes no difference, a query stays.
 * @throws {ServerError} `rpc_bad_host` when it is no http or https URL
 */
export function parseBaseUrl(host: string): BaseUrl {
  const url = parseUrl(host);
  const basicAuth = basicOf(url, host);
  url.username = "";
  url.password = "";
  url.hash = "";
  const path = url.pathname.replace(/\/+$/, "");
  return {
    urlOf: (call) => {
      const target = new URL(url);
      target.pathname = `${path}/${call}`;
      return target.href;
    },
    basicAuth,
  };
}

/** The host as it may be shown: a user part is a secret. */
export function withoutUser(host: string): string {
  return host.replace(/:\/\/[^/?#]*@/, "://");
}

function parseUrl(host: string): URL {
  if (!/^https?:\/\//.test(host)) {
    throw badUrl(
      `${withoutUser(host)} (a URL that begins with http:// or https:// is needed)`,
      undefined,
    );
  }
  try {
    return new URL(host);
  } catch (error) {
    throw badUrl(`${withoutUser(host)} (${errorText(error)})`, error);
  }
}

function basicOf({ username, password }: URL, host: string): string | null {
  if (username === "" && password === "") return null;
  try {
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(credentials).toString("base64")}`;
  } catch (error) {
    throw badUrl(`${withoutUser(host)} (its user part is not percent-encoded UTF-8)`, error);
  }
}

function badUrl(text: string, cause: unknown): ServerError {
  return new ServerError("rpc_bad_host", `invalid HTTP RPC base URL: ${text}`, { cause });
}
