import { createHmac, timingSafeEqual } from "node:crypto";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The name inside a signed stream name, null when it was not signed with this secret or is not a JSON string.
 *
 *     ImNoYXQ6MjAyMSI=--f9ee45dbccb1da04d8ceb99cc820207804370ba0d06b46fc3b8b373af1315628 → chat:2021
 *
 * The digest is lower-case hex HMAC-SHA256 over the padded standard base64 of the JSON text; compared in constant
 * time. With an empty secret nothing is verified. Source: spec "auth-streams", section 4.
 */
export function verifyStreamName(signed: string, secret: string): string | null {
  if (secret === "") return null;
  const separator = signed.indexOf("--");
  if (separator === -1 || signed.indexOf("--", separator + 2) !== -1) return null;
  const encoded = signed.slice(0, separator);
  if (!isDigest(signed.slice(separator + 2), encoded, secret)) return null;
  return BASE64.test(encoded) ? decodeName(encoded) : null;
}

function isDigest(given: string, encoded: string, secret: string): boolean {
  const expected = Buffer.from(createHmac("sha256", secret).update(encoded).digest("hex"));
  const actual = Buffer.from(given);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

function decodeName(encoded: string): string | null {
  try {
    const name: unknown = JSON.parse(Buffer.from(encoded, "base64").toString("utf8"));
    return typeof name === "string" ? name : null;
  } catch {
    // Signed, but not JSON: the application signed something that names no stream.
    return null;
  }
}
