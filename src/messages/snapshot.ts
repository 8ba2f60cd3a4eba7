/**
 * A session as it is remembered for a client that comes back. Plain data.
 * Pairs in place of objects: identifiers and keys come from clients. Source: spec "protocol", section 10.
 */
export interface SessionSnapshot {
  readonly identifiers: string;
  readonly subscriptions: readonly (readonly [identifier: string, streams: readonly string[]])[];
  readonly cstate: readonly (readonly [string, string])[];
  readonly istate: readonly (readonly [
    identifier: string,
    state: readonly (readonly [string, string])[],
  ])[];
  /** True when the application wants to hear of the disconnect. */
  readonly interest: boolean;
  /** When the application, or whoever decides, let the client in: milliseconds since the UNIX epoch. Restoring keeps it; 0: unknown. */
  readonly authenticatedAtMs: number;
}
