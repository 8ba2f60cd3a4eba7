/** Identifiers come from clients and are kept: bytes of one session, beside the number of its subscriptions. */
const MAX_IDENTIFIER_BYTES = 8 * 1024 * 1024;

/** The subscriptions of a session, in the order in which they were made, each with its streams. */
export class Subscriptions {
  private readonly streams = new Map<string, string[]>();
  private bytes = 0;

  get size(): number {
    return this.streams.size;
  }

  /** UTF-8 length of all identifiers together. */
  get identifierBytes(): number {
    return this.bytes;
  }

  /** @param max 0 for no limit, of the bytes neither */
  isFull(max: number): boolean {
    return max > 0 && (this.streams.size >= max || this.bytes >= MAX_IDENTIFIER_BYTES);
  }

  has(identifier: string): boolean {
    return this.streams.has(identifier);
  }

  /** The streams of a subscription, to be changed in place; undefined when there is no such subscription. */
  get(identifier: string): string[] | undefined {
    return this.streams.get(identifier);
  }

  /** A subscription that was not there, without streams. */
  add(identifier: string): void {
    this.streams.set(identifier, []);
    this.bytes += Buffer.byteLength(identifier);
  }

  delete(identifier: string): void {
    if (this.streams.delete(identifier)) this.bytes -= Buffer.byteLength(identifier);
  }

  keys(): Iterable<string> {
    return this.streams.keys();
  }

  [Symbol.iterator](): Iterator<[identifier: string, streams: string[]]> {
    return this.streams.entries();
  }
}
