import type { JsonObject } from "../../messages/json.ts";
import type { StateChange } from "../../messages/result.ts";

/** A stream a client may listen to, with the channel state that comes with it; or why it may not. */
export type StreamGrant =
  | { readonly ok: true; readonly stream: string; readonly istate: StateChange | null }
  | { readonly ok: false; readonly error: string };

/** Decides over a subscription by the members of its identifier alone. Never throws. */
export type StreamChannel = (identifier: JsonObject) => StreamGrant;

/** The stream, without whisper and presence. */
export function grantPlain(stream: string): StreamGrant {
  return { ok: true, stream, istate: null };
}

/** A refusal; `error` is for the log only. */
export function refuse(error: string): StreamGrant {
  return { ok: false, error };
}

/** A member as text: empty when missing or `null`, null when it is something else. */
export function textMember(identifier: JsonObject, key: string): string | null {
  const value = identifier[key] ?? "";
  return typeof value === "string" ? value : null;
}
