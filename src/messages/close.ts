/** Why a client is told to go. Source: spec "protocol", section 5. */
export type DisconnectReason =
  | "unauthorized"
  | "token_expired"
  | "remote"
  | "server_restart"
  | "no_pong"
  | "too_slow"
  | "idle_timeout";

/** How a connection ends: close code and text. 1006 is never sent: it stands for cutting the transport without a close frame. */
export interface Close {
  readonly code: number;
  readonly reason: string;
}

/** The ends of the WebSocket protocol, by cause. */
export const CLOSES = {
  authFailed: { code: 1000, reason: "Auth Failed" },
  authError: { code: 1011, reason: "Auth Error" },
  remote: { code: 1000, reason: "Closed remotely" },
  restart: { code: 1001, reason: "Server restart" },
  noPong: { code: 1000, reason: "No Pong" },
  tooSlow: { code: 1000, reason: "" },
  idle: { code: 1000, reason: "Idle Timeout" },
  commandFailed: { code: 1006, reason: "Command Failed" },
  writeFailed: { code: 1006, reason: "Write Failed" },
  pingFailed: { code: 1006, reason: "Ping failed" },
  tooBig: { code: 1009, reason: "" },
  flooding: { code: 1008, reason: "Too many messages" },
} as const satisfies Record<string, Close>;
