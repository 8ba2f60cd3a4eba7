import type { Close, DisconnectReason } from "../messages/close.ts";
import type { Frame } from "../messages/frame.ts";
import type { Encoder } from "./encoder.ts";

/** A session as the hub sees it. */
export interface Subscriber {
  readonly sid: string;
  readonly encoder: Encoder;
  /** Queues a frame; never throws, never waits, never changes the hub before the caller returns. */
  deliver(frame: Frame): void;
  /** Tells the client why, closes behind what is queued. */
  disconnect(reason: DisconnectReason, reconnect: boolean, close: Close): void;
}
