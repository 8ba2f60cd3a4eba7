/** A message that waits for a connection. */
export interface OutgoingMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
}

/** What a message costs beside its bytes. */
const OVERHEAD_BYTES = 64;

/** Messages in the order they were published, up to a number of bytes; what does not fit is refused, not dropped. */
export class Outbox {
  readonly #maxBytes: number;
  #messages: OutgoingMessage[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** @returns false when it is full: the message was not taken */
  add(message: OutgoingMessage): boolean {
    const bytes = message.payload.length + message.subject.length + OVERHEAD_BYTES;
    if (this.#bytes + bytes > this.#maxBytes) return false;
    this.#messages.push(message);
    this.#bytes += bytes;
    return true;
  }

  /** Everything, oldest first; the outbox is empty then. */
  takeAll(): readonly OutgoingMessage[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }
}
