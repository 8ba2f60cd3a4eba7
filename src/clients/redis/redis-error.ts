import { ServerError } from "../../messages/server-error.ts";

/**
 * Makes a ServerError of whatever a Redis call or connection threw: `redis_reply` when the server answered with an
 * error (its first word is `details.reply`), else `redis_unavailable`. Messages of the server carry no secrets.
 */
export function toRedisError(error: unknown): ServerError {
  if (error instanceof ServerError) return error;
  if (!(error instanceof Error)) return new ServerError("redis_unavailable", String(error));
  if (error.name !== "ReplyError") {
    const message = error.message === "" ? error.name : error.message;
    return new ServerError("redis_unavailable", message, { cause: error });
  }
  const [reply = ""] = error.message.split(" ", 1);
  // ioredis hangs name and arguments of the command on the error, AUTH's password included: drop it, keep the text.
  return new ServerError("redis_reply", error.message, { details: { reply } });
}

/** True when the server answered with an error that starts with this word, as in `NOPERM this user has no …`. */
export function isReply(error: unknown, word: string): boolean {
  return error instanceof ServerError && error.details["reply"] === word;
}

/** True when the server cannot serve writes now: it became a replica, loads its data, or lost its primary. */
export function isOutOfService(error: ServerError): boolean {
  return error.code === "redis_reply" && /\b(READONLY|LOADING|MASTERDOWN)\b/.test(error.message);
}
