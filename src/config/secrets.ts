import { createHmac } from "node:crypto";
import type { OpenOptions } from "./option-set.ts";

/** A token that guards a door, or is shown at one; empty: none. */
export interface DoorKey {
  readonly secret: string;
  /** Made from the application secret. */
  readonly isDerived: boolean;
}

/** The tokens that may be derived from the application secret. */
export interface DoorKeys {
  readonly broadcast: DoorKey;
  readonly rpc: DoorKey;
  readonly api: DoorKey;
}

/** A token made from the application secret: lower-case hex HMAC-SHA256. Source: spec "rpc", section 10. */
export function derivedKey(secret: string, phrase: string): string {
  return createHmac("sha256", secret).update(phrase).digest("hex");
}

/**
 * Fills in secrets from the application secret, clears those that say `none`, and chooses the port of HTTP
 * publications; then applies public mode. `secret=none` counts as no secret. Changes `options`.
 * Source: spec "config", sections 5.2 to 5.5.
 */
export function resolveSecrets(options: OpenOptions): DoorKeys {
  const base = clear(options.secret);
  options.secret = base;
  options["streams.secret"] = clear(options["streams.secret"] || base);
  options["jwt.secret"] = clear(options["jwt.secret"] || options.jwt_id_key || base);
  options["pusher.secret"] = clear(options["pusher.secret"] || base);

  const broadcast = doorKey(
    options["http_broadcast.secret"] || options.broadcast_key,
    base,
    "broadcast-cable",
  );
  const rpc = doorKey(options["rpc.secret"], base, "rpc-cable");
  const api =
    options["api.secret"] === "" ? doorKey("", base, "api-cable") : own(options["api.secret"]);
  options["http_broadcast.secret"] = broadcast.isDerived ? "" : broadcast.secret;

  if (options["http_broadcast.port"] === 0) {
    options["http_broadcast.port"] = broadcast.secret === "" ? 8090 : options["server.port"];
  }
  return options.public ? { broadcast: openToAll(options), rpc, api } : { broadcast, rpc, api };
}

function openToAll(options: OpenOptions): DoorKey {
  options.noauth = true;
  options["streams.public"] = true;
  options["http_broadcast.secret"] = "";
  return own("");
}

function doorKey(given: string, base: string, phrase: string): DoorKey {
  if (given !== "") return own(clear(given));
  return base === "" ? own("") : { secret: derivedKey(base, phrase), isDerived: true };
}

function own(secret: string): DoorKey {
  return { secret, isDerived: false };
}

function clear(secret: string): string {
  return secret === "none" ? "" : secret;
}
