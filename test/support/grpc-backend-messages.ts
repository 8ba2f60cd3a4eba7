/** How the backend process answers one call. */
export type GrpcAnswer =
  | { readonly kind: "reply"; readonly bytes: Uint8Array; readonly delayMs: number }
  | {
      readonly kind: "error";
      readonly code: number;
      readonly message: string;
      readonly delayMs: number;
    }
  | { readonly kind: "hang" };

/** Answers for the calls that match, one after the other; the last one stays. */
export interface GrpcRule {
  readonly method: GrpcMethod;
  /** Text that the request must contain somewhere; empty for any. */
  readonly contains: string;
  readonly answers: readonly GrpcAnswer[];
}

export type GrpcMethod = "Connect" | "Command" | "Disconnect";

/** One call as the backend process saw it. */
export interface GrpcCallRecord {
  readonly method: GrpcMethod;
  readonly bytes: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
  readonly peer: string;
  /** What was left of the caller's time; null for no limit. */
  readonly timeLeftMs: number | null;
  readonly atMs: number;
}

/** Settings of the backend process, as JSON in its first argument. */
export interface GrpcBackendSettings {
  /** `ip:port` with port 0 for any, or `unix:/path`. */
  readonly listen: string;
  readonly channelOptions: Readonly<Record<string, number>>;
  readonly tls: { readonly key: string; readonly cert: string } | null;
}

/** From the test to the process. */
export type GrpcOrder =
  | { readonly order: "rules"; readonly rules: readonly GrpcRule[] }
  | { readonly order: "settle" }
  | { readonly order: "drain" };

/** From the process to the test. */
export type GrpcReport =
  | { readonly report: "listening"; readonly port: number }
  | { readonly report: "rules" }
  | { readonly report: "settled" }
  | { readonly report: "drained" }
  | { readonly report: "call"; readonly call: GrpcCallRecord }
  | { readonly report: "canceled"; readonly method: GrpcMethod };
