/**
 * What the application learns of a client with every call. `headers` holds the proxied names only, in
 * lower case, plus `REMOTE_ADDR`; it has no prototype.
 */
export interface ClientEnv {
  /** `http://` or `https://`, host header, path and query as the client sent them. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A client as Controllers see it. The maps are live: read them before the first `await`. */
export interface Client {
  readonly sid: string;
  /** Who the client is, as the application said; empty before authentication. */
  readonly identifiers: string;
  readonly env: ClientEnv;
  /** State of the connection; never shared. */
  readonly cstate: ReadonlyMap<string, string>;
  /** State of each channel subscription, by identifier. */
  readonly istate: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Keys of channel state that the server itself reads: the stream of whispers and the stream of presence. */
export const WHISPER_STREAM = "$w";
export const PRESENCE_STREAM = "$p";

/** A connection request, past the transport: everything a session is made from. */
export interface ConnectRequest {
  readonly sid: string;
  readonly env: ClientEnv;
  /** The extended protocol: resumable, pongs expected. */
  readonly isExtended: boolean;
  /** sid of the session the client wants back; empty for none. */
  readonly restoreSid: string;
  /** Milliseconds between pings; 0 or less for none. */
  readonly pingIntervalMs: number;
  readonly pingPrecision: PingPrecision;
}

export type PingPrecision = "s" | "ms" | "ns";
