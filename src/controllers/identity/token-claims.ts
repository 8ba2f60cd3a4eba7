import type { JsonObject } from "../../messages/json.ts";

/**
 * What a token is worth. `unusable`: signed by the application and valid, but without a string `ext`; that is the
 * application's mistake, not the client's.
 */
export type TokenVerdict =
  | { readonly status: "valid"; readonly identifiers: string }
  | { readonly status: "expired" }
  | { readonly status: "invalid"; readonly error: string }
  | { readonly status: "unusable" };

/**
 * Judges the claims of a token whose signature is good. `exp` and `nbf` are optional, in seconds, fractions are cut
 * off, 0 means "not given"; there is no leeway. Other registered claims are not looked at.
 *
 *     {"ext":"{\"user_id\":42}","exp":4102444800}
 *
 * Source: spec "auth-streams", section 2.3, rules 5 to 8.
 */
export function checkClaims(claims: JsonObject, nowMs: number): TokenVerdict {
  const { exp, nbf, ext } = claims as { exp?: unknown; nbf?: unknown; ext?: unknown };
  if (!isTime(exp)) return { status: "invalid", error: "exp is not a number" };
  if (!isTime(nbf)) return { status: "invalid", error: "nbf is not a number" };
  const nowS = nowMs / 1000;
  if (isGiven(exp) && nowS >= Math.trunc(exp)) return { status: "expired" };
  if (isGiven(nbf) && nowS < Math.trunc(nbf)) {
    return { status: "invalid", error: "token is not valid yet" };
  }
  return typeof ext === "string" ? { status: "valid", identifiers: ext } : { status: "unusable" };
}

function isTime(claim: unknown): claim is number | undefined {
  return claim === undefined || typeof claim === "number";
}

function isGiven(time: number | undefined): time is number {
  return time !== undefined && time !== 0;
}
