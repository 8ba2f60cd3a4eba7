/**
 * Lets callers of one event-loop turn share one read: clients that come back together ask the same. A read that was sent
 * is not shared any more: it may miss what was published since.
 */
export class SharedReads<Answer> {
  readonly #unsent = new Map<string, Promise<Answer>>();

  /** @param key names the question; `read` is called once for all who ask it in this turn */
  get(key: string, read: () => Promise<Answer>): Promise<Answer> {
    const known = this.#unsent.get(key);
    if (known !== undefined) return known;
    const answer = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#unsent.delete(key);
      return read();
    });
    this.#unsent.set(key, answer);
    return answer;
  }
}
