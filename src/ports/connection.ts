import type { Frame } from "../messages/frame.ts";

/** The transport under a session. Nothing here throws, waits, or calls the session back before it returns. */
export interface Connection {
  /**
   * Writes frames from `start` on as one batch of bounded size.
   * @returns how many were taken; fewer than offered when the peer does not keep up: go on after `drained`
   */
  send(frames: readonly Frame[], start: number): number;
  /** Bytes taken but not yet given to the peer; 0 means `send` may go on. */
  bufferedBytes(): number;
  /** Reads no more from the peer, which has to wait; what was read already may still be handed over. */
  pause(): void;
  /** Goes on reading. */
  resume(): void;
  /** Ends the connection; code 1006 cuts it without a word. */
  close(code: number, reason: string): void;
  /** A liveness probe below the protocol (a WebSocket ping frame). */
  probe(): void;
}
