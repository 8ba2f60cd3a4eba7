import type { Handler } from "./listener.ts";

const BODY = "Ah, ha, ha, ha, stayin' alive, stayin' alive.";

/** Says that the process answers: nothing about backend or broker. Source: spec "http-transports", 1.2. */
export function createHealthEndpoint(): Handler {
  return () => new Response(BODY, { headers: { "Content-Type": "text/plain; charset=utf-8" } });
}
