import { isBearer } from "./bearer.ts";
import { corsHeaders } from "./cors.ts";
import { readBody } from "./request-body.ts";

/** Who may post, and how much. */
export interface PostOptions {
  /** Bearer token; empty: open to everybody. */
  readonly secret: string;
  /** Hosts of browsers' origins, empty list: all; null: no CORS. */
  readonly corsHosts: readonly string[] | null;
  readonly maxBodyBytes: number;
}

/**
 * A posted text, or a request that goes no further. `headers` belong on every answer. `problem` is for the log:
 * empty when there is nothing to say.
 */
export type Post =
  | { readonly ok: true; readonly text: string; readonly headers: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly response: Response; readonly problem: PostProblem };

/** Why a request was not taken, as far as somebody should hear of it. */
export type PostProblem =
  | { readonly kind: "none" }
  | { readonly kind: "method"; readonly method: string }
  | { readonly kind: "unreadable"; readonly cause: unknown };

/**
 * Checks a request in the order of the spec: CORS and `OPTIONS` (200), method (422), bearer token (401), size (413),
 * body (422). Refusals have no body. Source: spec "messaging", section 6; "http-transports", section 6.1.
 */
export async function receivePost(request: Request, options: PostOptions): Promise<Post> {
  const { secret, corsHosts, maxBodyBytes } = options;
  const { method } = request;
  const headers = corsHosts === null ? {} : corsHeaders(request.headers.get("origin"), corsHosts);

  if (corsHosts !== null && method === "OPTIONS") return refused(200, headers);
  if (method !== "POST") return refused(422, headers, { kind: "method", method });
  if (secret !== "" && !isBearer(request.headers.get("authorization"), secret)) {
    return refused(401, headers);
  }
  const body = await readBody(request, maxBodyBytes);
  if (body.ok) return { ok: true, text: body.text, headers };
  if (body.reason === "too_big") return refused(413, { ...headers, Connection: "close" });
  return refused(422, headers, { kind: "unreadable", cause: body.cause });
}

function refused(
  status: number,
  headers: Readonly<Record<string, string>>,
  problem: PostProblem = { kind: "none" },
): Post {
  return { ok: false, response: new Response(null, { status, headers }), problem };
}
