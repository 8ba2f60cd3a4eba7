/** A number that only grows. */
export interface Counter {
  /** @param amount a non-negative integer, 1 unless given */
  add(amount?: number): void;
}

/** A number that is set, or moved up and down. */
export interface Gauge {
  set(value: number): void;
  /** @param amount an integer, may be negative */
  add(amount: number): void;
}

/**
 * Where the rooms register what they count. A metric exists from its registration on, so a room that is
 * switched off leaves no trace. Names come without the `anycable_go_` prefix.
 */
export interface Metrics {
  /** The counter of that name; the same one when asked again. */
  counter(name: string, help: string): Counter;
  /** The gauge of that name; the same one when asked again. */
  gauge(name: string, help: string): Gauge;
}
