import type { ServerWebSocket } from "bun";

/** The runtime's WebSocket, with its handler attached. */
export type Socket = ServerWebSocket<SocketHandler>;

/** What the runtime tells of a WebSocket. */
export interface SocketHandler {
  opened(socket: Socket): void;
  /** A whole message. Bytes are only valid during the call. */
  received(data: string | Uint8Array): void;
  /** Everything that was buffered has been taken by the peer. */
  drained(): void;
  ponged(): void;
  /** The socket is gone. */
  ended(code: number): void;
}
