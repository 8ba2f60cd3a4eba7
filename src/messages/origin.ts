/** Nothing else may stand in a host: what a browser would read as its end could hide the true one from `*` patterns. */
const ORIGIN =
  /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?((?:[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::\d*)?)(?:[/?#]|$)/;

/**
 * Host and port of a lower-case `Origin` header as written (`URL` would drop a default port); empty when there is none.
 *
 *     https://app.example.com:8443 → app.example.com:8443
 */
export function originHost(origin: string): string {
  return ORIGIN.exec(origin)?.[1] ?? "";
}

/** True for an equal host, or one that ends as the pattern says after its leading `*`; an empty pattern matches nothing. */
export function matchesHost(host: string, pattern: string): boolean {
  if (pattern === "") return false;
  return pattern.startsWith("*") ? host.endsWith(pattern.slice(1)) : host === pattern;
}
