import { asJsonObject, type JsonObject, parseJsonObject } from "../messages/json.ts";
import { ServerError } from "../messages/server-error.ts";
import type { SessionSnapshot } from "../messages/snapshot.ts";

/**
 * A session as stores outside of this process keep it. Objects are written by hand: their keys come from clients.
 *
 *     {"ids":"u1","subs":{"<identifier>":["chat/1"]},"cstate":{"k":"v"},"istate":{"<identifier>":{"$w":"chat/1"}},"Disconnectable":false,"auth_at":1764590400000}
 *
 * Source: spec "messaging", section 10.2.
 */
export function encodeSnapshot(snapshot: SessionSnapshot): string {
  const { identifiers, subscriptions, cstate, istate, interest } = snapshot;
  const ids = JSON.stringify(identifiers);
  const subs = writeObject(subscriptions.map(([key, names]) => [key, JSON.stringify(names)]));
  const states = writeObject(istate.map(([key, state]) => [key, writeTexts(state)]));
  const own = writeTexts(cstate);
  const end = `"Disconnectable":${interest},"auth_at":${Math.floor(snapshot.authenticatedAtMs)}`;
  return `{"ids":${ids},"subs":${subs},"cstate":${own},"istate":${states},${end}}`;
}

/** @throws {ServerError} `snapshot_corrupt` when the text is no session: whoever asks for it must authenticate again */
export function decodeSnapshot(text: string): SessionSnapshot {
  const object = parseJsonObject(text);
  if (object === null || typeof object["ids"] !== "string") throw corrupt();
  const subscriptions = readMembers(object["subs"], readNames);
  const cstate = readMembers(object["cstate"], readText);
  const istate = readMembers(object["istate"], (state) => readMembers(state, readText));
  if (subscriptions === null || cstate === null || istate === null) throw corrupt();
  const interest = object["Disconnectable"] === true;
  const at = object["auth_at"];
  // A node of the reference does not write it.
  const authenticatedAtMs = typeof at === "number" ? at : 0;
  const identifiers = object["ids"];
  return { identifiers, subscriptions, cstate, istate, interest, authenticatedAtMs };
}

/** Without the text: it holds what the client was let in with. */
function corrupt(): ServerError {
  return new ServerError("snapshot_corrupt", "the entry in the cache is no session");
}

function writeObject(members: readonly (readonly [key: string, json: string])[]): string {
  return `{${members.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(",")}}`;
}

function writeTexts(members: readonly (readonly [string, string])[]): string {
  return writeObject(members.map(([key, value]) => [key, JSON.stringify(value)]));
}

/** @returns null when it is no object or one of its members cannot be read */
function readMembers<Value>(
  value: unknown,
  read: (member: unknown) => Value | null,
): readonly (readonly [string, Value])[] | null {
  const object: JsonObject | null = asJsonObject(value ?? {});
  if (object === null) return null;
  const members: (readonly [string, Value])[] = [];
  for (const [key, member] of Object.entries(object)) {
    const known = read(member);
    if (known === null) return null;
    members.push([key, known]);
  }
  return members;
}

function readText(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function readNames(value: unknown): readonly string[] | null {
  if (!Array.isArray(value)) return null;
  return value.every((name) => typeof name === "string") ? value : null;
}
