import { errorText, ServerError } from "../../messages/server-error.ts";

/** Why the server does not run: `start` a failure the operator must mend, `exec` the program cannot be executed from where it lies. */
export type EmbeddedNatsFailure = "embedded_nats_failed" | "embedded_nats_exec_failed";

/** The one error of this room; `reason` is for the operator. */
export function failure(
  reason: string,
  cause?: unknown,
  code: EmbeddedNatsFailure = "embedded_nats_failed",
): ServerError {
  return new ServerError(code, reason, { cause });
}

/** Whatever went wrong, in the words that the reference's operators look for. */
export function startFailure(cause: unknown): ServerError {
  return failure(`failed to start embedded NATS server, cause: ${errorText(cause)}`, cause);
}
