/** Work on one thing (a stream, a key) runs one after the other, in the order of the calls, whatever happens to each. */
export class KeyedTurns {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `work` once all that was given before it for this key has ended; at once when there is none. */
  run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key);
    const own = before === undefined ? work() : before.then(work);
    // Those behind must not fail with it.
    const turn: Promise<void> = own.then(
      () => this.#leave(key, turn),
      () => this.#leave(key, turn),
    );
    this.#last.set(key, turn);
    return own;
  }

  /** Resolves when all has ended, or `signal` is aborted. */
  async settle(signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => over.resolve(), { once: true });
    if (signal.aborted) over.resolve();
    await Promise.race([Promise.all(this.#last.values()), over.promise]);
  }

  #leave(key: string, turn: Promise<void>): void {
    if (this.#last.get(key) === turn) this.#last.delete(key);
  }
}
