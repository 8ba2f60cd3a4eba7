import { matchesHost, originHost } from "../messages/origin.ts";

/** Says whether requests with this `Origin` header are welcome. */
export type OriginCheck = (origin: string | null) => boolean;

/**
 * Compiles the list of allowed origins: `host[:port]`, or `*` and the end of one (`*.example.com`, also
 * `badexample.com` for `*example.com`). An empty list allows everything, an empty entry matches nothing.
 */
export function compileOrigins(entries: readonly string[]): OriginCheck {
  if (entries.length === 0) return () => true;
  const patterns = entries.map((entry) => entry.toLowerCase());
  return (origin) => {
    const host = origin === null ? "" : originHost(origin.toLowerCase());
    return patterns.some((pattern) => matchesHost(host, pattern));
  };
}
