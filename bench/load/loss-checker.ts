/** What went wrong with the messages of one run, summed over all clients. All zero is the only good report. */
export interface Loss {
  /** Sent, never received. */
  readonly lost: number;
  /** Received a second time. */
  readonly doubled: number;
  /** Received after a message with a higher number. */
  readonly reordered: number;
  /** With a number that was never sent. */
  readonly unknown: number;
}

/** What went wrong in several runs together. */
export function sumLoss(losses: readonly Loss[]): Loss {
  const sum = (key: keyof Loss) => losses.reduce((total, loss) => total + loss[key], 0);
  return {
    lost: sum("lost"),
    doubled: sum("doubled"),
    reordered: sum("reordered"),
    unknown: sum("unknown"),
  };
}

/**
 * Checks that every client receives the messages 1, 2, 3 … each once and in order. Four bytes per client as long
 * as all is well; gaps are kept in a set for the clients that have one.
 */
export class LossChecker {
  readonly #next: Uint32Array;
  readonly #missing = new Map<number, Set<number>>();
  #sent = 0;
  #arrived = 0;
  #doubled = 0;
  #reordered = 0;
  #unknown = 0;

  constructor(clients: number) {
    this.#next = new Uint32Array(clients).fill(1);
  }

  /** Distinct messages received so far, over all clients. */
  get arrived(): number {
    return this.#arrived;
  }

  /** The highest number client number `client` has received; 0 for none. */
  last(client: number): number {
    return (this.#next[client] ?? 1) - 1;
  }

  /** From now on the numbers up to `sequence` may arrive, and must have when `report` is called. */
  sent(sequence: number): void {
    this.#sent = Math.max(this.#sent, sequence);
  }

  /** Client number `client` (from 0) received message `sequence`. */
  received(client: number, sequence: number): void {
    const next = this.#next[client] ?? 0;
    if (sequence === next && sequence <= this.#sent) {
      this.#next[client] = next + 1;
      this.#arrived++;
    } else {
      this.#outOfLine(client, sequence, next);
    }
  }

  /** The verdict for now: what has not arrived yet counts as lost. */
  report(): Loss {
    let lost = 0;
    for (const next of this.#next) lost += this.#sent + 1 - next;
    for (const gaps of this.#missing.values()) lost += gaps.size;
    return {
      lost,
      doubled: this.#doubled,
      reordered: this.#reordered,
      unknown: this.#unknown,
    };
  }

  #outOfLine(client: number, sequence: number, next: number): void {
    if (sequence < 1 || sequence > this.#sent) this.#unknown++;
    else if (sequence > next) this.#gap(client, sequence, next);
    else if (this.#missing.get(client)?.delete(sequence)) {
      this.#reordered++;
      this.#arrived++;
    } else this.#doubled++;
  }

  #gap(client: number, sequence: number, next: number): void {
    const gaps = this.#missing.get(client) ?? new Set<number>();
    for (let missed = next; missed < sequence; missed++) gaps.add(missed);
    this.#missing.set(client, gaps);
    this.#next[client] = sequence + 1;
    this.#arrived++;
  }
}
