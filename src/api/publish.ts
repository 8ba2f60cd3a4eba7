import { type PostOptions, receivePost } from "../messages/receive-post.ts";
import { errorText } from "../messages/server-error.ts";
import type { Log } from "../ports/log.ts";

/** Who takes what arrives, the same as for broadcasters; `failed`: it may be sent again. */
export interface PublishSink {
  handle(body: string): Promise<"handled" | "failed">;
}

/**
 * Publications and commands of the REST API. Whoever mounts it has matched the path.
 *
 *     POST /api/publish
 *     Authorization: Bearer bdd0244b…
 *
 *     [{"stream":"chat/42","data":"{\"text\":\"hi\"}"}]
 *
 * Answers have no body: 201 taken (malformed ones too), 401, 413, 422 wrong method or unreadable, 501 not passed on.
 * Source: spec "http-transports", section 6.1.
 */
export function createPublishEndpoint(
  options: PostOptions,
  deps: { readonly sink: PublishSink; readonly log: Log },
): (request: Request) => Promise<Response> {
  const log = deps.log.with({ context: "api" });
  return async (request) => {
    const post = await receivePost(request, options);
    if (!post.ok) {
      if (post.problem.kind === "unreadable") {
        log.error("failed to read request body", { error: errorText(post.problem.cause) });
      }
      return post.response;
    }
    const outcome = await deps.sink.handle(post.text);
    const status = outcome === "handled" ? 201 : 501;
    return new Response(null, { status, headers: post.headers });
  };
}
