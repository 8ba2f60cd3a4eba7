import { Code, ConnectError } from "@connectrpc/connect";
import { ServerError } from "../../../messages/server-error.ts";
import { STATUS_NAMES, statusFailure } from "../failure.ts";

/** Code of an answer without gRPC status, by its HTTP status. Source: spec "rpc", section 6. */
export function codeOfHttpStatus(status: number): Code {
  switch (status) {
    case 400:
      return Code.Internal;
    case 401:
      return Code.Unauthenticated;
    case 403:
      return Code.PermissionDenied;
    case 404:
      return Code.Unimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return Code.Unavailable;
    default:
      return Code.Unknown;
  }
}

const RST_NAMES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** The peer ended a stream before its trailers. Source: spec "rpc", section 6. */
export function resetError(rstCode: number): ConnectError {
  const name = RST_NAMES[rstCode] ?? String(rstCode);
  return new ConnectError(
    `stream terminated by RST_STREAM with error code: ${name}`,
    codeOfReset(rstCode),
  );
}

function codeOfReset(rstCode: number): Code {
  switch (rstCode) {
    case 7:
      return Code.Unavailable;
    case 3:
    case 11:
      return Code.ResourceExhausted;
    case 8:
      return Code.Canceled;
    case 12:
      return Code.PermissionDenied;
    default:
      return Code.Internal;
  }
}

/** The `grpc-status` of an answer: 0 is no error; what is no known number is Unknown. */
export function statusError(status: string, message: string): ConnectError | null {
  if (status === "0") return null;
  const code = /^\d{1,2}$/.test(status) ? Number(status) : Code.Unknown;
  const isKnown = code > 0 && code <= STATUS_NAMES.length;
  return new ConnectError(decodeMessage(message), isKnown ? code : Code.Unknown);
}

/** `grpc-message` is percent-encoded UTF-8; what does not decode stays as it is. */
function decodeMessage(message: string): string {
  if (!message.includes("%")) return message;
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

/** What a call through Connect rejected with, as a failure of this room: the one place where the two meet. */
export function failureOf(error: unknown): ServerError {
  if (!(error instanceof ConnectError)) {
    return statusFailure("Internal", error instanceof Error ? error.message : String(error), error);
  }
  if (error.cause instanceof ServerError) return error.cause;
  const name = STATUS_NAMES[error.code - 1];
  return statusFailure(name ?? "Unknown", error.rawMessage, error);
}

/** Something here or in the answer is not as it must be. */
export function internalError(text: string, cause?: unknown): ConnectError {
  return new ConnectError(text, Code.Internal, undefined, undefined, cause);
}
