import type { Encoder } from "../../ports/encoder.ts";
import type { Subscriber } from "../../ports/subscriber.ts";

/** From here on a set finds its members faster than a list; below, a list takes a fraction of the memory. */
const MAX_LIST = 16;

/** The subscribers of one stream that get the very same frame: one identifier, one encoding. */
export class Group {
  readonly identifier: string;
  readonly encoder: Encoder;
  /** For loops only; do not keep it, it may be replaced. */
  subscribers: Subscriber[] | Set<Subscriber>;

  constructor(identifier: string, encoder: Encoder, first: Subscriber) {
    this.identifier = identifier;
    this.encoder = encoder;
    this.subscribers = [first];
  }

  get isEmpty(): boolean {
    const { subscribers } = this;
    return subscribers instanceof Set ? subscribers.size === 0 : subscribers.length === 0;
  }

  /** @returns false when it was there already */
  add(subscriber: Subscriber): boolean {
    const { subscribers } = this;
    if (subscribers instanceof Set) {
      const { size } = subscribers;
      return subscribers.add(subscriber).size > size;
    }
    if (subscribers.includes(subscriber)) return false;
    subscribers.push(subscriber);
    if (subscribers.length > MAX_LIST) this.subscribers = new Set(subscribers);
    return true;
  }

  /** @returns false when it was not there */
  remove(subscriber: Subscriber): boolean {
    const { subscribers } = this;
    if (subscribers instanceof Set) return subscribers.delete(subscriber);
    const index = subscribers.indexOf(subscriber);
    if (index < 0) return false;
    subscribers.splice(index, 1);
    return true;
  }
}
