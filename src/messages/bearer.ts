import { createHash, timingSafeEqual } from "node:crypto";

/**
 * True when an `Authorization` header is exactly `Bearer <secret>`. Takes the same time wherever the two differ,
 * their lengths included. An empty secret is never right.
 */
export function isBearer(authorization: string | null, secret: string): boolean {
  if (authorization === null || secret === "") return false;
  // The runtime gives header bytes as characters 0 to 255: a secret of UTF-8 text arrives as its bytes.
  const given = Buffer.from(authorization, "latin1");
  return timingSafeEqual(digest(given), digest(Buffer.from(`Bearer ${secret}`)));
}

function digest(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}
