import { createHmac } from "node:crypto";

/** Signs a stream name as applications do: the base64 of its JSON text, `--`, the hex HMAC of that. */
export function signStream(secret: string, name: string): string {
  return signText(secret, JSON.stringify(name));
}

/** Signs any text, JSON or not. */
export function signText(secret: string, text: string): string {
  return signBase64(secret, Buffer.from(text).toString("base64"));
}

/** Signs what should be base64. */
export function signBase64(secret: string, encoded: string): string {
  return `${encoded}--${createHmac("sha256", secret).update(encoded).digest("hex")}`;
}
