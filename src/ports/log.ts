/**
 * Attributes of a record, printed in the order given. An `Error` prints its message only, a nested
 * plain object is a group (`data.command=…` in text, an object in JSON). Never put secrets, tokens or whole payloads here.
 */
export type Attributes = Readonly<Record<string, unknown>>;

/** Structured log. Each call is one line; calls below the level cost a comparison. */
export interface Log {
  /** True when `debug` prints; test it before building attributes on a hot path. */
  readonly isDebug: boolean;
  debug(message: string, attributes?: Attributes): void;
  info(message: string, attributes?: Attributes): void;
  warn(message: string, attributes?: Attributes): void;
  error(message: string, attributes?: Attributes): void;
  /** A log whose records carry these attributes before their own. */
  with(attributes: Attributes): Log;
}
