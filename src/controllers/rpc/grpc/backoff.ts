/** How delays between attempts grow. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly factor: number;
  /** Share by which a delay may be shorter or longer. */
  readonly jitter: number;
  readonly maxMs: number;
}

/** Of connections and name lookups alike. Source: spec "rpc", section 6, items 8 and 9. */
export const GRPC_BACKOFF: BackoffOptions = {
  baseMs: 1000,
  factor: 1.6,
  jitter: 0.2,
  maxMs: 120_000,
};

/** Delays that grow with every failure in a row. */
export class Backoff {
  private readonly options: BackoffOptions;
  private readonly random: () => number;
  private failures = 0;

  /** @param random a number from 0 to below 1 */
  constructor(options: BackoffOptions, random: () => number) {
    this.options = options;
    this.random = random;
  }

  /** The delay after one more failure. */
  nextMs(): number {
    const { baseMs, factor, jitter, maxMs } = this.options;
    const delayMs = Math.min(maxMs, baseMs * factor ** this.failures);
    this.failures += 1;
    return delayMs * (1 + jitter * (2 * this.random() - 1));
  }

  reset(): void {
    this.failures = 0;
  }
}
