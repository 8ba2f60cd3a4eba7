import { matchesHost, originHost } from "./origin.ts";

const FIXED_HEADERS = {
  "Access-Control-Allow-Methods": "POST, OPTIONS",
  "Access-Control-Allow-Credentials": "true",
  "Access-Control-Allow-Headers":
    "Origin, X-Requested-With, X-Request-ID, Content-Type, Accept, X-CSRF-Token, Authorization",
} as const;

/**
 * CORS headers of a response.
 * `hosts`: host or host:port each, a leading `*` stands for any beginning; an empty list allows every origin.
 * A foreign origin only misses the allow-origin header: the browser refuses, the request is served.
 * Source: spec "http-transports", section 1.1.
 */
export function corsHeaders(
  origin: string | null,
  hosts: readonly string[],
): Readonly<Record<string, string>> {
  const allowed = allowedOrigin(origin, hosts);
  if (allowed === null) return FIXED_HEADERS;
  return { "Access-Control-Allow-Origin": allowed, ...FIXED_HEADERS };
}

function allowedOrigin(origin: string | null, hosts: readonly string[]): string | null {
  if (hosts.length === 0) return "*";
  if (origin === null || origin === "") return null;
  const lower = origin.toLowerCase();
  const host = originHost(lower);
  return hosts.some((pattern) => matchesHost(host, pattern)) ? lower : null;
}
