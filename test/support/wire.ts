import { signedStream } from "./tokens.ts";

/** Sub-protocols of Action Cable. */
export const BASE = "actioncable-v1-json";
export const EXT = "actioncable-v1-ext-json";

/** Whole text frames the server ends sessions with. */
export const UNAUTHORIZED = '{"type":"disconnect","reason":"unauthorized","reconnect":false}';
export const EXPIRED = '{"type":"disconnect","reason":"token_expired","reconnect":false}';
export const RESTART = '{"type":"disconnect","reason":"server_restart","reconnect":true}';
export const NO_PONG = '{"type":"disconnect","reason":"no_pong","reconnect":true}';
export const TOO_SLOW = '{"type":"disconnect","reason":"too_slow","reconnect":true}';

/** The answer to the command `ping`: shows that everything sent before it has been handled. */
export const PONG = '{"type":"pong"}';

type Params = Readonly<Record<string, unknown>>;

/** Identifier of a public stream. */
export function pubsub(stream: string, params: Params = {}): string {
  return JSON.stringify({ channel: "$pubsub", stream_name: stream, ...params });
}

/** Identifier of a signed stream. */
export function signedPubsub(secret: string, stream: string): string {
  const signed = signedStream(secret, stream);
  return JSON.stringify({ channel: "$pubsub", signed_stream_name: signed });
}

/** Identifier of a channel of the application. */
export function channel(name: string, params: Params = {}): string {
  return JSON.stringify({ channel: name, ...params });
}

/** The application's confirmation, as Rails writes it. */
export function confirmed(identifier: string): string {
  return JSON.stringify({ identifier, type: "confirm_subscription" });
}

/** The application's rejection. */
export function rejected(identifier: string): string {
  return JSON.stringify({ identifier, type: "reject_subscription" });
}

/** The command that carries out an action of a channel. */
export function perform(identifier: string, data: string): unknown {
  return { command: "message", identifier, data };
}
