import type { Handler } from "./listener.ts";

const BODY = "Ah, ha, ha, ha, stayin' alive, stayin' alive.";

/**
 * Says that the process answers: nothing about the application, Redis or another server. Only a part that lives in this
 * very server, the embedded NATS, can make it say 503 and why. Source: spec "http-transports", 1.2.
 */
export function createHealthEndpoint(deps: { readonly trouble: () => string | null }): Handler {
  return () => {
    const trouble = deps.trouble();
    return trouble === null ? answer(200, BODY) : answer(503, `${trouble}\n`);
  };
}

function answer(status: number, body: string): Response {
  const headers = {
    "Content-Type": "text/plain; charset=utf-8",
    // An answer to HEAD has lost its body before the runtime counts it.
    "Content-Length": String(Buffer.byteLength(body)),
  };
  return new Response(body, { status, headers });
}
