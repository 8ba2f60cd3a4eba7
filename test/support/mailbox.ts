const DEFAULT_LIMIT_MS = 15_000;

/** Collects what callbacks are given, in order, for a test to await one by one. */
export class Mailbox<T> {
  private readonly waiting: T[] = [];
  private readonly readers: ((value: T) => void)[] = [];

  /** The callback: bound, so that it can be handed over. */
  readonly put = (value: T): void => {
    const reader = this.readers.shift();
    if (reader === undefined) this.waiting.push(value);
    else reader(value);
  };

  /** The oldest value nobody has taken. @throws when none comes in time */
  async next(limitMs = DEFAULT_LIMIT_MS): Promise<T> {
    const [value] = this.waiting.splice(0, 1);
    if (value !== undefined) return value;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.readers.push(resolve);
    const timer = setTimeout(() => reject(new Error(`nothing within ${limitMs} ms`)), limitMs);
    return promise.finally(() => clearTimeout(timer));
  }

  /** What is there and comes within a time. */
  async within(ms: number): Promise<readonly T[]> {
    await Bun.sleep(ms);
    return this.waiting.splice(0);
  }
}
