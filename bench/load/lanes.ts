import { type Loss, LossChecker, sumLoss } from "./loss-checker.ts";
import { publicationBody } from "./publication-body.ts";

/** The name of stream number `lane`. */
export function laneStream(lane: number): string {
  return `lane/${lane}`;
}

/** Streams that are published to independently, each with one client and numbers of its own. */
export class Lanes {
  readonly #lanes: readonly Lane[];
  readonly #batch: number;
  /** Told of every message that has arrived on a lane. */
  onArrival: (lane: number) => void = () => {};

  constructor(count: number, batch: number) {
    this.#lanes = Array.from({ length: count }, () => ({ checker: new LossChecker(1), sent: 0 }));
    this.#batch = batch;
  }

  /** The body of the next publish request of a lane, which counts as sent. */
  next(lane: number): string {
    const { checker, sent } = this.#lane(lane);
    this.#lane(lane).sent = sent + this.#batch;
    checker.sent(sent + this.#batch);
    return publicationBody(laneStream(lane), sent + 1, this.#batch);
  }

  /** The client of a lane received message `sequence`. */
  received(lane: number, sequence: number): void {
    this.#lane(lane).checker.received(0, sequence);
    this.onArrival(lane);
  }

  /** Messages of a lane that have not arrived yet. */
  outstanding(lane: number): number {
    const { checker, sent } = this.#lane(lane);
    return sent - checker.arrived;
  }

  /** Messages arrived so far, over all lanes. */
  get arrived(): number {
    return this.#lanes.reduce((total, { checker }) => total + checker.arrived, 0);
  }

  get isComplete(): boolean {
    return this.#lanes.every((_, lane) => this.outstanding(lane) === 0);
  }

  report(): Loss {
    return sumLoss(this.#lanes.map(({ checker }) => checker.report()));
  }

  #lane(lane: number): Lane {
    const found = this.#lanes[lane];
    if (!found) throw new RangeError(`no lane ${lane}`);
    return found;
  }
}

interface Lane {
  readonly checker: LossChecker;
  sent: number;
}
