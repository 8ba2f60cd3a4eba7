import { createHmac } from "node:crypto";

/** A stream name signed the way Rails does: `base64(json)--hex(HMAC-SHA256)`. */
export function signedStream(secret: string, name: string): string {
  const encoded = Buffer.from(JSON.stringify(name)).toString("base64");
  return `${encoded}--${createHmac("sha256", secret).update(encoded).digest("hex")}`;
}

/** A JWT signed with HS256; `claims` as they are, `exp` in UNIX seconds. */
export function jwt(secret: string, claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** Seconds since the epoch, this far from now. */
export function unixSeconds(fromNowS = 0): number {
  return Math.floor(Date.now() / 1000) + fromNowS;
}
