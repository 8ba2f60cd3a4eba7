import { type CompactJWSHeaderParameters, compactVerify } from "jose";
import { parseJsonObject } from "../../messages/json.ts";
import { errorText } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import { checkClaims, type TokenVerdict } from "./token-claims.ts";

const HASHES: ReadonlyMap<string, string> = new Map([
  ["HS256", "SHA-256"],
  ["HS384", "SHA-384"],
  ["HS512", "SHA-512"],
]);
const OPTIONS = { algorithms: [...HASHES.keys()] };
const SEGMENTS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Checks connection tokens: JWT (RFC 7519) signed with HMAC. Source: spec "auth-streams", section 2.3. */
export class TokenVerifier {
  private readonly secret: Uint8Array<ArrayBuffer>;
  private readonly clock: Clock;
  private readonly keys = new Map<string, Promise<CryptoKey>>();

  /** `secret`: UTF-8 text, used as it is. With an empty one no token is valid. */
  constructor(options: { readonly secret: string }, deps: { readonly clock: Clock }) {
    this.secret = new TextEncoder().encode(options.secret);
    this.clock = deps.clock;
  }

  /** The signature counts before the claims: a forged token is never called expired. Never throws. */
  async verify(token: string): Promise<TokenVerdict> {
    if (this.secret.length === 0) return invalid("no secret");
    if (!isWellFormed(token)) return invalid("token is malformed");
    let payload: Uint8Array;
    try {
      payload = (await compactVerify(token, this.getKey, OPTIONS)).payload;
    } catch (error) {
      return invalid(errorText(error));
    }
    const claims = parseJsonObject(Buffer.from(payload).toString("utf8"));
    return claims === null
      ? invalid("claims are not a JSON object")
      : checkClaims(claims, this.clock.now());
  }

  /** Keys are imported once; `jose` would do it for every token. */
  private readonly getKey = (header: CompactJWSHeaderParameters): Promise<CryptoKey> => {
    const known = this.keys.get(header.alg);
    if (known !== undefined) return known;
    const hash = HASHES.get(header.alg);
    if (hash === undefined) throw new RangeError(`unexpected algorithm ${header.alg}`);
    const key = crypto.subtle.importKey("raw", this.secret, { name: "HMAC", hash }, false, [
      "verify",
    ]);
    this.keys.set(header.alg, key);
    return key;
  };
}

/** Stricter than decoders are: no padding, no foreign alphabet, no length that base64 cannot have. */
function isWellFormed(token: string): boolean {
  return SEGMENTS.test(token) && token.split(".").every((segment) => segment.length % 4 !== 1);
}

function invalid(error: string): TokenVerdict {
  return { status: "invalid", error };
}
