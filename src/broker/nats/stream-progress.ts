import type { Publication } from "../../messages/publication.ts";

/** How far a stream is in JetStream; `created` names its incarnation: another one numbers from 1 again. */
export interface StreamEnd {
  readonly created: string;
  readonly epoch: string;
  readonly offset: number;
}

const MAX_ABOVE = 10_000;

/**
 * What this node has seen of a stream. Messages that several nodes publish at once come in another order than that of
 * their offsets: remembered are the offset up to which nothing is missing, and those seen above it. No I/O.
 */
export class StreamProgress {
  #isKnown = false;
  /** Empty: not told, or nothing had been stored. */
  #created = "";
  #epoch = "";
  /** Its last messages may come after the first ones of the next epoch. */
  #formerEpoch = "";
  #upTo = 0;
  readonly #above = new Set<number>();
  /** What lies behind the first and up to the second came out of the history, or before: it may come late once more. */
  #filledFrom = 0;
  #filledUpTo = 0;

  /** False until it is known where the stream was at the beginning: no gap can be seen before. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Nothing up to here is missing. */
  get upTo(): number {
    return this.#upTo;
  }

  /** What this node hears begins behind `end`; null: nothing has been stored yet. */
  beginAt(end: StreamEnd | null): void {
    this.#isKnown = true;
    this.#reset(end?.epoch ?? "", end?.offset ?? 0);
    this.#created = end?.created ?? "";
  }

  /** True when `end` is about the incarnation that was seen. */
  isOf({ created, epoch }: StreamEnd): boolean {
    return this.#created === "" ? this.#epoch === epoch : this.#created === created;
  }

  /** True when there is nothing behind what was seen. */
  isAt(end: StreamEnd): boolean {
    return this.isOf(end) && end.offset <= this.#upTo;
  }

  /** True for a message that was taken out of the history and now comes from its node. */
  wasFilled({ epoch, offset }: Publication): boolean {
    return epoch === this.#epoch && offset > this.#filledFrom && offset <= this.#filledUpTo;
  }

  hasSeen(offset: number): boolean {
    return offset <= this.#upTo || this.#above.has(offset);
  }

  /** A message has come. In an epoch not seen before nothing is missing in front of it, as far as anybody can tell. */
  see({ epoch, offset }: Publication): void {
    if (epoch === this.#formerEpoch) return;
    if (!this.#isKnown || (epoch !== this.#epoch && !this.#isEmpty)) {
      this.#isKnown = true;
      this.#reset(epoch, offset);
      return;
    }
    this.#enter(epoch);
    if (this.hasSeen(offset)) return;
    this.#above.add(offset);
    this.#advance();
    // A node may have died between storing and telling: that gap is not waited for without end.
    if (this.#above.size > MAX_ABOVE) this.#skipGap();
  }

  /** All that is stored up to `end` is about to be delivered, or is gone. */
  fillUpTo(end: StreamEnd): void {
    if (!this.isOf(end)) this.#reset(end.epoch, 0);
    if (end.epoch !== this.#epoch || this.#filledUpTo === 0) this.#filledFrom = this.#upTo;
    this.#enter(end.epoch);
    this.#created = end.created;
    this.#upTo = Math.max(this.#upTo, end.offset);
    this.#filledUpTo = this.#upTo;
    for (const offset of this.#above) {
      if (offset <= this.#upTo) this.#above.delete(offset);
    }
    this.#advance();
  }

  get #isEmpty(): boolean {
    return this.#epoch === "" && this.#upTo === 0;
  }

  #reset(epoch: string, upTo: number): void {
    this.#created = "";
    this.#enter(epoch);
    this.#upTo = upTo;
    this.#above.clear();
    this.#filledFrom = 0;
    this.#filledUpTo = 0;
  }

  #enter(epoch: string): void {
    if (epoch !== this.#epoch) this.#formerEpoch = this.#epoch;
    this.#epoch = epoch;
  }

  #advance(): void {
    while (this.#above.delete(this.#upTo + 1)) this.#upTo += 1;
  }

  #skipGap(): void {
    this.#upTo = Math.min(...this.#above) - 1;
    this.#advance();
  }
}
