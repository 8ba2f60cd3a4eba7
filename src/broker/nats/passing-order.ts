/** Lets publications of one stream pass one after the other, in the order of the calls, whatever happens to each. */
export class PassingOrder {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `pass` once those before it in the stream have passed or failed. */
  pass(stream: string, pass: () => Promise<void>): Promise<void> {
    const before = this.#last.get(stream);
    const own = before === undefined ? pass() : before.then(pass);
    // Those behind must not fail with it.
    const turn: Promise<void> = own.then(
      () => this.#leave(stream, turn),
      () => this.#leave(stream, turn),
    );
    this.#last.set(stream, turn);
    return own;
  }

  /** Resolves when all have passed, or `signal` is aborted. */
  async settle(signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => over.resolve(), { once: true });
    if (signal.aborted) over.resolve();
    await Promise.race([Promise.all(this.#last.values()), over.promise]);
  }

  #leave(stream: string, turn: Promise<void>): void {
    if (this.#last.get(stream) === turn) this.#last.delete(stream);
  }
}
