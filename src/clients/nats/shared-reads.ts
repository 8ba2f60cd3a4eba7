interface Reads<Answer> {
  running: Promise<Answer> | null;
  /** For those who came after the running one had asked: its answer may miss what was stored since. */
  next: Promise<Answer> | null;
}

/** Lets callers share readings of one thing: while one is under way, all who come wait for one more. */
export class SharedReads<Answer> {
  readonly #reads = new Map<string, Reads<Answer>>();

  /** @param read is called once for all who wait for the same answer */
  get(key: string, read: () => Promise<Answer>): Promise<Answer> {
    const known = this.#reads.get(key);
    const reads = known ?? { running: null, next: null };
    if (known === undefined) this.#reads.set(key, reads);
    if (reads.running === null) return this.#run(key, reads, read);
    reads.next ??= this.#runAfter(reads.running, key, reads, read);
    return reads.next;
  }

  async #runAfter(
    running: Promise<Answer>,
    key: string,
    reads: Reads<Answer>,
    read: () => Promise<Answer>,
  ): Promise<Answer> {
    await running.catch(() => undefined);
    reads.next = null;
    return this.#run(key, reads, read);
  }

  #run(key: string, reads: Reads<Answer>, read: () => Promise<Answer>): Promise<Answer> {
    const running = read().finally(() => {
      if (reads.running !== running) return;
      reads.running = null;
      if (reads.next === null) this.#reads.delete(key);
    });
    reads.running = running;
    return running;
  }
}
