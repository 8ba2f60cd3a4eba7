import { createHash, timingSafeEqual } from "node:crypto";

/**
 * True when an `Authorization` header is exactly `Bearer <secret>`. Takes the same time wherever the two differ,
 * their lengths included. An empty secret is never right.
 */
export function isBearer(authorization: string | null, secret: string): boolean {
  if (authorization === null || secret === "") return false;
  return timingSafeEqual(digest(authorization), digest(`Bearer ${secret}`));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
