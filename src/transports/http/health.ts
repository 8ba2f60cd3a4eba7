import type { Handler } from "./listener.ts";

const BODY = "Ah, ha, ha, ha, stayin' alive, stayin' alive.";
const HEADERS = { "Content-Type": "text/plain; charset=utf-8" };

/**
 * Says that the process answers: nothing about the application, Redis or another server. Only a part that lives in this
 * very server, the embedded NATS, can make it say 503 and why. Source: spec "http-transports", 1.2.
 */
export function createHealthEndpoint(deps: { readonly trouble: () => string | null }): Handler {
  return () => {
    const trouble = deps.trouble();
    if (trouble === null) return new Response(BODY, { headers: HEADERS });
    return new Response(`${trouble}\n`, { status: 503, headers: HEADERS });
  };
}
