import type { OriginCheck } from "../origin.ts";
import type { Subprotocol } from "../subprotocol.ts";

/** Why a handshake is refused, as the status to answer; null when it is in order. */
export type HandshakeRefusal = 400 | 403 | 405 | null;

/** Checks a WebSocket handshake in the order of spec "protocol", 1.2. */
export function checkHandshake(
  method: string,
  headers: Headers,
  isAllowedOrigin: OriginCheck,
): HandshakeRefusal {
  if (!hasToken(headers.get("connection"), "upgrade")) return 400;
  if (!hasToken(headers.get("upgrade"), "websocket")) return 400;
  if (method !== "GET") return 405;
  if (!hasToken(headers.get("sec-websocket-version"), "13")) return 400;
  if (!isAllowedOrigin(headers.get("origin"))) return 403;
  if (!isKey(headers.get("sec-websocket-key"))) return 400;
  return null;
}

const STATUS_TEXTS = { 400: "Bad Request", 403: "Forbidden", 405: "Method Not Allowed" } as const;

/** The answer to a refused handshake. */
export function refusalResponse(status: 400 | 403 | 405): Response {
  return new Response(`${STATUS_TEXTS[status]}\n`, {
    status,
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "Sec-Websocket-Version": "13",
      "X-Content-Type-Options": "nosniff",
    },
  });
}

/** The sub-protocols a client offers, in its order, the pseudo ones that carry tokens included. */
export function offeredSubprotocols(headers: Headers): readonly string[] {
  const header = headers.get("sec-websocket-protocol");
  return header === null ? [] : header.split(",").map((name) => name.trim());
}

/** The first of the client's offers that the server knows: the client lists by preference. */
export function selectSubprotocol(
  offers: readonly string[],
  known: readonly Subprotocol[],
): Subprotocol | null {
  for (const offer of offers) {
    const found = known.find((subprotocol) => subprotocol.name === offer);
    if (found !== undefined) return found;
  }
  return null;
}

function hasToken(header: string | null, token: string): boolean {
  if (header === null) return false;
  if (header.toLowerCase() === token) return true;
  return header.split(",").some((part) => part.trim().toLowerCase() === token);
}

/** Base64 of 16 bytes. */
function isKey(key: string | null): boolean {
  return key !== null && /^[A-Za-z0-9+/]{22}==$/.test(key.trim());
}
