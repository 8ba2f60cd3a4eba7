/** How a node behaves; times in milliseconds, sizes in bytes. */
export interface NodeOptions {
  readonly pongTimeoutMs: number;
  readonly nativePings: boolean;
  readonly maxPendingBytes: number;
  readonly writeTimeoutMs: number;
  /** Of one session; 0: no limit. */
  readonly maxSubscriptions: number;
  /** `always`, `never`, `auto`; any other word acts like `never`. Source: spec "protocol", 11.1. */
  readonly disconnectMode: string;
  /** 0: sessions cannot come back. */
  readonly sessionsTtlMs: number;
  readonly presenceTtlMs: number;
  /** Disconnect calls per second. */
  readonly disconnectRate: number;
  /** Disconnect calls that may wait; beyond, they still wait, but the gauge and a warning tell. */
  readonly disconnectBacklog: number;
  /** Spread the disconnects of a shutdown over its time. */
  readonly slowDrain: boolean;
}
