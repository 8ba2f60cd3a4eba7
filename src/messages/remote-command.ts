/**
 * An order to every node. `payload` is kept as it came, it is read when the command is executed.
 *
 *     {"command":"disconnect","payload":{"identifier":"{\"user\":\"42\"}","reconnect":true}}
 *
 * Source: spec "messaging", section 3.
 */
export interface RemoteCommand {
  readonly command: string;
  readonly payload: unknown;
}

/** Whom to disconnect: every session whose identifiers equal `identifier`, character by character. */
export interface RemoteDisconnect {
  readonly identifier: string;
  readonly reconnect: boolean;
}

/** @returns null when the payload is not an object with a string `identifier` and, if given, a boolean `reconnect` */
export function parseRemoteDisconnect(payload: unknown): RemoteDisconnect | null {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) return null;
  const { identifier, reconnect } = payload as { identifier?: unknown; reconnect?: unknown };
  if (typeof identifier !== "string") return null;
  if (reconnect === undefined || reconnect === null) return { identifier, reconnect: false };
  return typeof reconnect === "boolean" ? { identifier, reconnect } : null;
}
