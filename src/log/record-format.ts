import type { Attributes } from "../ports/log.ts";

/** Levels of records, lowest first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** How records become lines. Implemented once per value of the option `log_format`. */
export interface RecordFormat {
  /** The attributes as they stand in a line, separator in front; empty for none. */
  attributes(attributes: Attributes): string;
  /**
   * One line with its newline.
   * @param nowMs milliseconds since the UNIX epoch
   * @param prefix what `attributes` made of the log's own attributes
   */
  line(
    nowMs: number,
    level: LogLevel,
    message: string,
    prefix: string,
    attributes: Attributes | undefined,
  ): string;
}

/** Groups and lists inside each other deeper than this are printed as `...`. */
export const MAX_DEPTH = 8;
