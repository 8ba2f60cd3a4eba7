import type { Publication } from "../messages/publication.ts";

/** How much of a stream is kept: messages, and seconds. */
export interface StreamLimits {
  readonly limit: number;
  readonly ttlS: number;
}

const NOTHING: readonly Publication[] = Object.freeze([]);
/** Stands where a dropped publication was, so that its text is freed at once. */
const GONE: Publication = Object.freeze({ stream: "", data: "", meta: null, offset: 0, epoch: "" });
const MAX_CACHED_ANSWERS = 8;
const COMPACT_FROM = 64;
/** A silent stream keeps its offsets for this many times the life of its messages. */
const SILENCE_FACTOR = 10;

/**
 * The kept publications of one stream, in ascending offset without gaps. Times are UNIX seconds.
 * Entries before `#head` are gone; they are cut off when they are half of the array. Answers are shared arrays, the
 * same one for the same position: 5 000 clients that come back at once cost one slice, and let readers encode once.
 */
export class MemoryStream {
  readonly #stream: string;
  readonly #epoch: string;
  readonly #limits: StreamLimits;
  readonly #answers = new Map<number, readonly Publication[]>();
  #kept: Publication[] = [];
  #timesS: number[] = [];
  #head = 0;
  #lastOffset = 0;
  #deadlineS = 0;

  constructor(stream: string, epoch: string, limits: StreamLimits) {
    this.#stream = stream;
    this.#epoch = epoch;
    this.#limits = limits;
  }

  /** Stores a message under the next offset, dropping the oldest one beyond the limit. */
  add(data: string, nowS: number): Publication {
    this.#lastOffset += 1;
    this.#deadlineS = nowS + SILENCE_FACTOR * this.#limits.ttlS;
    const publication: Publication = {
      stream: this.#stream,
      data,
      meta: null,
      offset: this.#lastOffset,
      epoch: this.#epoch,
    };
    if (this.#limits.limit > 0) this.#push(publication, nowS);
    return publication;
  }

  /** Drops what is older than the time to live. */
  expire(nowS: number): void {
    const oldestS = nowS - this.#limits.ttlS;
    let gone = 0;
    while (this.#head + gone < this.#kept.length && this.#timeAt(this.#head + gone) < oldestS) {
      gone += 1;
    }
    if (gone > 0) this.#drop(gone);
  }

  /** True when the stream has been silent so long that even its offsets are forgotten. */
  isOver(nowS: number): boolean {
    return this.#deadlineS < nowS;
  }

  /** Offset of the newest message kept, 0 when nothing is kept. */
  peak(): number {
    return this.#count() === 0 ? 0 : this.#lastOffset;
  }

  /**
   * Publications after the one at `offset`, which must itself still be kept.
   * @returns the reason when it is not
   */
  after(offset: number): readonly Publication[] | string {
    const count = this.#count();
    if (count === 0) return "no messages kept";
    const low = this.#lastOffset - count + 1;
    if (offset < low) return `offset ${offset} is no longer kept, the oldest is ${low}`;
    if (offset > this.#lastOffset)
      return `unknown offset ${offset}, the newest is ${this.#lastOffset}`;
    return this.#from(this.#head + (offset - low) + 1);
  }

  /** Publications not older than a time, the newest ones only. */
  since(sinceS: number): readonly Publication[] {
    let low = this.#head;
    let high = this.#kept.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#timeAt(middle) < sinceS) low = middle + 1;
      else high = middle;
    }
    return this.#from(low);
  }

  #push(publication: Publication, nowS: number): void {
    this.#answers.clear();
    this.#kept.push(publication);
    // Never decreasing, also when the system's clock is set back: `since` searches by halves.
    this.#timesS.push(Math.max(nowS, this.#timesS.at(-1) ?? 0));
    if (this.#count() > this.#limits.limit) this.#drop(1);
  }

  #drop(count: number): void {
    this.#answers.clear();
    this.#kept.fill(GONE, this.#head, this.#head + count);
    this.#head += count;
    const isEmpty = this.#head === this.#kept.length;
    if (!isEmpty && (this.#head < COMPACT_FROM || this.#head * 2 < this.#kept.length)) return;
    this.#kept = this.#kept.slice(this.#head);
    this.#timesS = this.#timesS.slice(this.#head);
    this.#head = 0;
  }

  #from(index: number): readonly Publication[] {
    if (index >= this.#kept.length) return NOTHING;
    const known = this.#answers.get(index);
    if (known !== undefined) return known;
    const answer = this.#kept.slice(index);
    if (this.#answers.size >= MAX_CACHED_ANSWERS) this.#answers.clear();
    this.#answers.set(index, answer);
    return answer;
  }

  #count(): number {
    return this.#kept.length - this.#head;
  }

  #timeAt(index: number): number {
    return this.#timesS[index] ?? 0;
  }
}
