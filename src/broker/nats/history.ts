import type { JetStream, StoredMessage, StreamState } from "../../clients/nats/jetstream.ts";
import { readStream } from "../../clients/nats/read-stream.ts";
import { SharedReads } from "../../clients/nats/shared-reads.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import { HistoryCopy } from "./history-copy.ts";
import { historyStreamName } from "./stream-name.ts";
import type { StreamEnd } from "./stream-progress.ts";

/** `epoch` is asked at every reading, once JetStream has said what there is. */
export interface NatsHistoryDeps {
  readonly jetstream: JetStream;
  readonly epoch: () => Promise<string>;
  readonly clock: Clock;
}

interface Slot {
  copy: HistoryCopy | null;
  usedAtMs: number;
}

/** So many messages are fetched one by one; a reader costs more to set up. */
const FEW = 8;
const AT_ONCE = 64;
const UNUSED_MS = 60_000;
const SWEEP_EVERY_MS = 10_000;

/**
 * Reads of stored streams. Each one asks the stream's leader how far the stream is, so nothing acknowledged before is
 * missing; messages come from a copy in memory, and only those it lacks are fetched. Callers share readings: while one
 * is under way, all who come wait for one more. A copy nobody reads is dropped after a minute.
 */
export class NatsHistory {
  readonly #deps: NatsHistoryDeps;
  readonly #reads = new SharedReads<HistoryCopy | null>();
  readonly #slots = new Map<string, Slot>();
  #sweep: Timer | null = null;

  constructor(deps: NatsHistoryDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#sweep = this.#deps.clock.after(SWEEP_EVERY_MS, () => {
      this.#dropUnused();
      this.start();
    });
  }

  stop(): void {
    this.#sweep?.cancel();
  }

  /** @returns null when nothing was ever stored for the stream. @throws what `JetStream` throws */
  read(stream: string): Promise<HistoryCopy | null> {
    return this.#reads.get(stream, () => this.#refresh(stream, this.#slot(stream)));
  }

  /** How far a stream is, without its messages. @returns null when nothing was ever stored for it. @throws what `JetStream` throws */
  async end(stream: string): Promise<StreamEnd | null> {
    const state = await this.#deps.jetstream.state(historyStreamName(stream));
    if (state === null) return null;
    return { created: state.created, offset: state.lastSequence, epoch: await this.#deps.epoch() };
  }

  async #refresh(stream: string, slot: Slot): Promise<HistoryCopy | null> {
    slot.usedAtMs = this.#deps.clock.now();
    const name = historyStreamName(stream);
    const state = await this.#deps.jetstream.state(name);
    if (state === null) {
      slot.copy = null;
      return null;
    }
    const epoch = await this.#deps.epoch();
    const isFit = slot.copy?.fits(state, epoch) === true;
    const copy =
      isFit && slot.copy !== null ? slot.copy : new HistoryCopy(stream, epoch, state.created);
    copy.update(state, await this.#fetch(name, copy.last, state));
    slot.copy = copy;
    return copy;
  }

  async #fetch(name: string, known: number, state: StreamState): Promise<readonly StoredMessage[]> {
    const from = Math.max(known + 1, state.firstSequence);
    if (state.lastSequence - from < FEW) return this.#get(name, from, state.lastSequence);
    const read = (await readStream({ stream: name, fromSequence: from }, this.#deps)) ?? [];
    // A reader may sit on a server that is a little behind the leader.
    const reached = read.at(-1)?.sequence ?? from - 1;
    return [...read, ...(await this.#get(name, reached + 1, state.lastSequence))];
  }

  /** One by one, from the leader. Some may have expired meanwhile. */
  async #get(name: string, from: number, to: number): Promise<readonly StoredMessage[]> {
    const messages: StoredMessage[] = [];
    for (let start = from; start <= to; start += AT_ONCE) {
      const count = Math.min(AT_ONCE, to - start + 1);
      const gets = Array.from({ length: count }, (_, n) =>
        this.#deps.jetstream.get(name, start + n),
      );
      messages.push(...(await Promise.all(gets)).filter((message) => message !== null));
    }
    return messages;
  }

  #slot(stream: string): Slot {
    const known = this.#slots.get(stream);
    if (known !== undefined) return known;
    const slot: Slot = { copy: null, usedAtMs: 0 };
    this.#slots.set(stream, slot);
    return slot;
  }

  #dropUnused(): void {
    const oldestMs = this.#deps.clock.now() - UNUSED_MS;
    for (const [stream, { usedAtMs }] of this.#slots) {
      if (usedAtMs < oldestMs) this.#slots.delete(stream);
    }
  }
}
