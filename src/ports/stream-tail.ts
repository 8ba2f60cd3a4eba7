import type { StreamPosition } from "../messages/command.ts";

/** Where streams end: what a reader needs that wants only what comes next. */
export interface StreamTail {
  /**
   * Position of the newest message kept.
   * @returns null when the stream is unknown, nothing of it is kept, or the adapter cannot know
   * @throws {ServerError} `history_unsupported` without a broker that keeps history
   */
  peak(stream: string): Promise<StreamPosition | null>;
}
