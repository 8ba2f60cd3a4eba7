import { isBearer } from "../messages/bearer.ts";
import type { PresenceInfo, PresenceRecord } from "../messages/reply.ts";
import { errorText } from "../messages/server-error.ts";
import type { Log } from "../ports/log.ts";
import type { PresenceStore } from "../ports/presence-store.ts";

/** Where the endpoint is and who may ask. */
export interface PresenceOptions {
  /** Path of the API without a slash at the end, e.g. `/api`. */
  readonly path: string;
  /** Empty: open to everybody. */
  readonly secret: string;
}

/**
 * Who is in a stream. The name is one percent-encoded segment. Mount it on everything below `<path>/presence/`.
 *
 *     GET /api/presence/chat%2F42/users
 *
 *     {"type":"info","total":1,"records":[{"info":{"name":"Alice"},"id":"user-1"}]}
 *
 * Refusals have no body: 422 not a GET, 401, 404 another path, 501 no presence here, 400 the store failed.
 * Source: spec "http-transports", section 6.2.
 */
export function createPresenceEndpoint(
  options: PresenceOptions,
  deps: { readonly presence: Pick<PresenceStore, "info">; readonly log: Log },
): (request: Request) => Promise<Response> {
  const { secret } = options;
  const prefix = `${options.path}/presence/`;
  const log = deps.log.with({ context: "api" });
  return async (request) => {
    if (request.method !== "GET") return empty(422);
    if (secret !== "" && !isBearer(request.headers.get("authorization"), secret)) return empty(401);
    const stream = streamOf(rawPath(request.url), prefix);
    if (stream === null) return empty(404);
    try {
      const info = await deps.presence.info(stream, true);
      return info === null ? empty(501) : json(encodeInfo(info));
    } catch (error) {
      log.error("failed to read presence", { stream, error: errorText(error) });
      return empty(400);
    }
  };
}

function empty(status: number): Response {
  return new Response(null, { status });
}

function json(body: string): Response {
  return new Response(body, { headers: { "Content-Type": "application/json" } });
}

/** The path as the client sent it: decoding comes after splitting. A request without a host has no origin in its URL. */
function rawPath(url: string): string {
  return /^(?:[a-z]+:\/\/[^/?#]*)?([^?#]*)/i.exec(url)?.[1] ?? "";
}

function streamOf(path: string, prefix: string): string | null {
  if (!path.startsWith(prefix)) return null;
  const [segment, last, ...more] = path.slice(prefix.length).split("/");
  if (segment === undefined || segment === "" || last !== "users" || more.length > 0) return null;
  try {
    return decodeURIComponent(segment);
  } catch {
    // Not percent-encoded text: there is no such stream.
    return null;
  }
}

function encodeInfo(info: PresenceInfo): string {
  const head = `{"type":"info","total":${info.total}`;
  if (info.records.length === 0) return `${head}}`;
  return `${head},"records":[${info.records.map(encodeRecord).join(",")}]}`;
}

function encodeRecord({ id, info }: PresenceRecord): string {
  const known = info === "" || info === "null" ? "" : `"info":${info},`;
  return `{${known}"id":${JSON.stringify(id)}}`;
}
