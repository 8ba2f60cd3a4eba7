import { natsError } from "./nats-error.ts";

const MAX_SUBJECT_BYTES = 1024;

/**
 * What a subject cannot hold, or where it would mean something else: control characters and blanks (they end or change
 * a line of the protocol), whole tokens `*` and `>` (wildcards), empty tokens, and `%` where it would read as one of these.
 */
const UNSAFE =
  /[\p{Cc} ]|(?<=^|\.)[*>](?=\.|$)|(?<=^|\.)\.|\.$|%(?=[0189][0-9A-F]|2[045AE]|3E|5F|7F)/gu;

/** Subjects that are not for applications: the server's own, answers to requests, stored streams and heartbeats of the broker. */
const RESERVED = /^(?:\$|_(?=INBOX\.|R_\.|GR_\.|ac_|ac64_|ach_|anycable_presence_\.))/;

/**
 * The subject that stands for a stream of any name: the name itself where it is one, so that it is the same for nodes of
 * the reference, otherwise with `%XX` in place of what a subject cannot hold. Different names have different subjects.
 *
 *     chat/42 → chat/42     a b → a%20b     a..b → a.%2Eb     a.> → a.%3E     $JS.API → %24JS.API
 *
 * @throws {ServerError} `invalid_subject` for the empty name and for subjects over 1024 bytes: longer ones make
 *   servers cut the connection
 */
export function natsSubject(name: string): string {
  if (name === "") throw natsError("invalid_subject", "the empty name cannot be a NATS subject");
  const subject = name.replace(UNSAFE, percentEncode).replace(RESERVED, percentEncode);
  const bytes = Buffer.byteLength(subject);
  if (bytes > MAX_SUBJECT_BYTES) {
    const text = `a NATS subject of ${bytes} bytes, allowed are ${MAX_SUBJECT_BYTES}`;
    throw natsError("invalid_subject", text, { bytes });
  }
  return subject;
}

/**
 * A subject from the configuration, taken as it is, wildcards included.
 * @throws {ServerError} `invalid_subject` naming the option when it would break the protocol
 */
export function configuredSubject(option: string, subject: string): string {
  if (/^[^\s\p{Cc}.]+(?:\.[^\s\p{Cc}.]+)*$/u.test(subject)) return subject;
  const text = `${option}: "${subject}" is no NATS subject: no blanks, no empty parts between dots`;
  throw natsError("invalid_subject", text);
}

/** Whether a subscription to `pattern` hears a subject: `*` stands for one part between dots, `>` at the end for all that follow. */
export function subjectMatcher(pattern: string): (subject: string) => boolean {
  const parts = pattern.split(".").map((part, index, { length }) => {
    if (part === "*") return "[^.]+";
    if (part === ">" && index === length - 1) return ".+";
    return RegExp.escape(part);
  });
  const expression = new RegExp(`^${parts.join("\\.")}$`, "s");
  return (subject) => expression.test(subject);
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
