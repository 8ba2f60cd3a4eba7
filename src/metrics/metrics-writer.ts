import type { Rotation } from "./registry.ts";

/** A place that gets metrics once per interval. Adding one means one file and a line in `app/`. */
export interface MetricsWriter {
  /** Called once, before the first `write`. @throws {ServerError} when it can never work */
  start(): Promise<void>;
  /**
   * Takes what the interval brought; every writer gets the same object.
   * A rejection is reported and costs this interval. May overlap the next call: bound your own waiting.
   */
  write(rotation: Rotation): Promise<void>;
  /** Hands over what is buffered and releases what `start` took; may be called when `start` failed. */
  stop(): Promise<void>;
}
