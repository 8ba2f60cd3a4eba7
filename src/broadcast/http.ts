import { type PostOptions, type PostProblem, receivePost } from "../messages/receive-post.ts";
import { errorText } from "../messages/server-error.ts";
import type { Log } from "../ports/log.ts";
import type { BroadcastOutcome } from "./handler.ts";

/** Who takes what arrives; `BroadcastHandler` does. */
export interface BroadcastSink {
  handle(body: string): Promise<BroadcastOutcome>;
}

/**
 * Publications by POST. Whoever mounts it has matched the path.
 *
 *     POST /_broadcast
 *     Authorization: Bearer 42923a28…
 *
 *     {"stream":"chat/42","data":"{\"text\":\"hi\"}"}
 *
 * Answers have no body: 201 taken (malformed ones too), 401, 413, 422 wrong method or unreadable, 501 not passed on.
 * Source: spec "messaging", section 6.
 */
export function createHttpBroadcast(
  options: PostOptions,
  deps: { readonly sink: BroadcastSink; readonly log: Log },
): (request: Request) => Promise<Response> {
  const log = deps.log.with({ context: "broadcast", provider: "http" });
  return async (request) => {
    const post = await receivePost(request, options);
    if (!post.ok) {
      report(post.problem, log);
      return post.response;
    }
    const outcome = await deps.sink.handle(post.text);
    return new Response(null, {
      status: outcome === "handled" ? 201 : 501,
      headers: post.headers,
    });
  };
}

function report(problem: PostProblem, log: Log): void {
  if (problem.kind === "method") log.debug("invalid request method", { method: problem.method });
  if (problem.kind === "unreadable") {
    log.error("failed to read request body", { error: errorText(problem.cause) });
  }
}
