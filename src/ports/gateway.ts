import type { ConnectRequest } from "../messages/client.ts";
import type { Connection } from "./connection.ts";
import type { Encoder } from "./encoder.ts";

/** What a transport tells the session on its connection. Nothing here throws. */
export interface Receiver {
  /** A client's frame. Bytes are only valid during the call. */
  receive(data: string | Uint8Array): void;
  /** The peer took what was buffered. */
  drained(): void;
  /** A sign of life below the protocol (a WebSocket pong frame). */
  probed(): void;
  /** The connection is gone; nothing can be sent any more. */
  closed(): void;
}

/** The door from the transports into the node. */
export interface Gateway {
  /** Starts a session on an open connection; authentication begins at once, frames wait for its end. */
  open(connection: Connection, request: ConnectRequest, encoder: Encoder): Receiver;
}
