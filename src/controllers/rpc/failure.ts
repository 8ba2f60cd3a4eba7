import { ServerError } from "../../messages/server-error.ts";

/** Names of the gRPC error codes, as they appear in logs, in the order of their numbers, from 1. */
export const STATUS_NAMES = [
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
] as const;

/** How an attempt failed, by the name of its gRPC status. */
export type StatusName = (typeof STATUS_NAMES)[number];

/**
 * A failed attempt with a status. Its `code` is `rpc_` and the status in snake case (`rpc_unavailable`);
 * `details.status` is the name for logs.
 */
export function statusFailure(status: StatusName, text: string, cause?: unknown): ServerError {
  return new ServerError(codeOf(status), `rpc error: code = ${status} desc = ${text}`, {
    cause,
    details: { status },
  });
}

/**
 * A message over one of the size limits: prints like exhaustion, but is not worth a retry.
 * Source: spec "rpc", section 6, item 11.
 */
export function sizeFailure(text: string): ServerError {
  const message = `rpc error: code = ResourceExhausted desc = ${text}`;
  return new ServerError("rpc_message_too_large", message, {
    details: { status: "ResourceExhausted" },
  });
}

/** The status of a failure, for logs; `Unknown` when it has none. */
export function statusOf(failure: ServerError): string {
  const { status } = failure.details;
  return typeof status === "string" ? status : "Unknown";
}

/** Cuts what an application sent to 100 bytes, telling how many are left: `xxx...(200)`. */
export function cutText(text: string): string {
  const bytes = Buffer.from(text);
  const MAX = 100;
  if (bytes.length <= MAX) return text;
  return `${bytes.toString("utf8", 0, MAX)}...(${bytes.length - MAX})`;
}

function codeOf(status: StatusName): string {
  return `rpc_${status.replace(/(?<!^)[A-Z]/g, "_$&").toLowerCase()}`;
}
