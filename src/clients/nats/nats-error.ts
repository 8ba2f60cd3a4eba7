import { errorText, ServerError } from "../../messages/server-error.ts";

/** What can go wrong between us and a NATS server. */
export type NatsErrorCode =
  | "invalid_nats_url"
  | "invalid_subject"
  | "nats_unavailable"
  | "nats_timeout"
  | "nats_refused"
  | "nats_outbox_full"
  | "nats_payload_too_large"
  | "jetstream_refused"
  | "jetstream_wrong_sequence";

/** Builds an error of this room; `message` says what failed. */
export function natsError(
  code: NatsErrorCode,
  message: string,
  details: Record<string, unknown> = {},
): ServerError {
  return new ServerError(code, message, { details });
}

/**
 * Turns what the client library throws into a ServerError: `nats_timeout` when nobody answered in time,
 * `nats_refused` when the server said no, `nats_payload_too_large` for what it never takes, `nats_unavailable` for all the rest.
 * The library's texts are bare codes (`503`, `CONNECTION_REFUSED`): they are put into words.
 */
export function toNatsError(error: unknown): ServerError {
  if (error instanceof ServerError) return error;
  const text = errorText(error);
  const words = WORDS.get(text) ?? WORDS.get(codeOf(error)) ?? text;
  const code = CODES.get(codeOf(error)) ?? "nats_unavailable";
  return new ServerError(code, words, { cause: error });
}

/** True when nobody was there to take it: no connection, no server that answers, or no stream that listens. */
export function isUnheard(error: unknown): boolean {
  return error instanceof ServerError && error.code === "nats_unavailable";
}

const CODES: ReadonlyMap<string, NatsErrorCode> = new Map([
  ["TIMEOUT", "nats_timeout"],
  ["PERMISSIONS_VIOLATION", "nats_refused"],
  ["AUTHORIZATION_VIOLATION", "nats_refused"],
  ["MAX_PAYLOAD_EXCEEDED", "nats_payload_too_large"],
]);

const WORDS: ReadonlyMap<string, string> = new Map([
  ["TIMEOUT", "no answer in time"],
  ["503", "nobody answers there"],
  ["CONNECTION_REFUSED", "connection refused"],
  ["CONNECTION_CLOSED", "connection closed"],
  ["CONNECTION_DRAINING", "connection closed"],
  ["DISCONNECT", "connection lost"],
  ["CONNECTION_TIMEOUT", "no connection in time"],
  ["PERMISSIONS_VIOLATION", "permissions violation"],
  ["AUTHORIZATION_VIOLATION", "authorization violation"],
  ["MAX_PAYLOAD_EXCEEDED", "a message larger than NATS allows"],
]);

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return String(error.code);
}
