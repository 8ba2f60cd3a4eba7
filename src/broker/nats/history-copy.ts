import type { StoredMessage, StreamState } from "../../clients/nats/jetstream.ts";
import type { Publication } from "../../messages/publication.ts";

const NOTHING: readonly Publication[] = Object.freeze([]);
const MAX_CACHED_ANSWERS = 8;

/**
 * What a stream held when it was last asked, in ascending offset. No I/O. Answers are shared arrays, the same one for the
 * same position until something changes: clients that come back together cost one slice, and let readers encode once.
 */
export class HistoryCopy {
  readonly epoch: string;
  /** Names the incarnation of the stream. */
  readonly created: string;
  readonly #stream: string;
  readonly #answers = new Map<number, readonly Publication[]>();
  #kept: Publication[] = [];
  #timesS: number[] = [];
  #first = 1;
  #last = 0;

  constructor(stream: string, epoch: string, created: string) {
    this.#stream = stream;
    this.epoch = epoch;
    this.created = created;
  }

  /** False when this is about another incarnation of the stream. */
  fits(state: StreamState, epoch: string): boolean {
    return (
      this.epoch === epoch && this.created === state.created && this.#last <= state.lastSequence
    );
  }

  /** Offset of the newest message ever seen, kept or not. */
  get last(): number {
    return this.#last;
  }

  /** Brings it up to date: drops what the stream no longer holds, adds what is new. */
  update(state: StreamState, fresh: readonly StoredMessage[]): void {
    this.#drop(state.firstSequence);
    for (const { sequence, data, timeMs } of fresh) {
      if (sequence <= this.#last) continue;
      this.#kept.push(this.#publication(sequence, data));
      this.#timesS.push(Math.floor(timeMs / 1000));
      this.#last = sequence;
      this.#answers.clear();
    }
    this.#first = Math.max(this.#first, state.firstSequence);
    this.#last = Math.max(this.#last, state.lastSequence);
  }

  /** Publications after an offset. @returns the reason when some of them are gone or it was never given */
  after(offset: number): readonly Publication[] | string {
    if (offset > this.#last) return `unknown offset ${offset}, the newest is ${this.#last}`;
    if (offset === this.#last) return NOTHING;
    if (offset + 1 < this.#first) {
      return `offset ${offset} is no longer kept, the oldest is ${this.#first}`;
    }
    return this.#from(this.#kept.findIndex((publication) => publication.offset > offset));
  }

  /** Publications not older than a UNIX time in seconds. */
  since(sinceS: number): readonly Publication[] {
    return this.#from(this.#timesS.findIndex((timeS) => timeS >= sinceS));
  }

  #drop(firstSequence: number): void {
    const end = this.#kept.findIndex(({ offset }) => offset >= firstSequence);
    const count = end === -1 ? this.#kept.length : end;
    if (count === 0) return;
    this.#kept = this.#kept.slice(count);
    this.#timesS = this.#timesS.slice(count);
    this.#answers.clear();
  }

  #from(index: number): readonly Publication[] {
    if (index === -1) return NOTHING;
    const known = this.#answers.get(index);
    if (known !== undefined) return known;
    const answer = this.#kept.slice(index);
    if (this.#answers.size >= MAX_CACHED_ANSWERS) this.#answers.clear();
    this.#answers.set(index, answer);
    return answer;
  }

  #publication(offset: number, data: string): Publication {
    return { stream: this.#stream, data, meta: null, offset, epoch: this.epoch };
  }
}
