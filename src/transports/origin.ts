/** Says whether requests with this `Origin` header are welcome. */
export type OriginCheck = (origin: string | null) => boolean;

/**
 * Compiles the list of allowed origins: `host[:port]`, or `*` and the end of one (`*.example.com`, also
 * `badexample.com` for `*example.com`). An empty list allows everything, an empty entry matches nothing.
 */
export function compileOrigins(entries: readonly string[]): OriginCheck {
  if (entries.length === 0) return () => true;
  const wanted = entries.map((entry) => entry.toLowerCase());
  return (origin) => {
    const host = hostOf(origin);
    return wanted.some((entry) =>
      entry.startsWith("*") ? host.endsWith(entry.slice(1)) : entry !== "" && host === entry,
    );
  };
}

/** Host and port of an origin in lower case; empty when there is none. The port is kept even if it is the scheme's own. */
function hostOf(origin: string | null): string {
  if (origin === null) return "";
  const match = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#]*)/i.exec(origin);
  return match?.[1]?.toLowerCase() ?? "";
}
