const MAX_IDS = 10_000;

/**
 * Entries that were handled and that Redis may still hold for pending, because the connection broke before they were
 * acknowledged. When they come again they must not reach the broker for the second time. At most 10 000: beyond it the
 * oldest are forgotten.
 */
export class HandledEntries {
  readonly #ids = new Set<string>();

  /** Oldest first. */
  get ids(): readonly string[] {
    return [...this.#ids];
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    this.#ids.add(id);
    if (this.#ids.size <= MAX_IDS) return;
    const [oldest] = this.#ids;
    if (oldest !== undefined) this.#ids.delete(oldest);
  }

  /** Redis knows now. */
  forget(ids: readonly string[]): void {
    for (const id of ids) this.#ids.delete(id);
  }
}
