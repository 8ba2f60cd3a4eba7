import type { JetStream } from "../../clients/nats/jetstream.ts";
import { isUnheard } from "../../clients/nats/nats-error.ts";
import type { Log } from "../../ports/log.ts";
import type { NatsEpoch } from "./epoch.ts";
import { type HistoryLimits, streamSettings } from "./history-limits.ts";
import { historyStreamName } from "./stream-name.ts";

/** `epoch` is renewed when a stream known to be there has vanished. */
export interface StoredStreamsDeps {
  readonly jetstream: JetStream;
  readonly epoch: Pick<NatsEpoch, "confirmed" | "renew">;
  readonly log: Log;
}

interface Known {
  /** Settled when the stream is there. */
  readonly ensured: Promise<void>;
  /** The last one under which it was there; empty: not yet. */
  epoch: string;
}

/** A message's place in its stream. */
export interface StoredPosition {
  readonly offset: number;
  readonly epoch: string;
}

const MAX_KNOWN = 100_000;

/** The JetStream streams behind streams: made when first published to, made again when they were lost. */
export class StoredStreams {
  readonly #replicas: number;
  readonly #jetstream: JetStream;
  readonly #epoch: Pick<NatsEpoch, "confirmed" | "renew">;
  readonly #log: Log;
  /** Streams that are there, or are being made; oldest knowledge first. */
  readonly #known = new Map<string, Known>();
  /** Epochs of streams that were there, and nobody could tell whether they still are. */
  readonly #doubtful = new Map<string, string>();

  constructor(replicas: number, deps: StoredStreamsDeps) {
    this.#replicas = replicas;
    this.#jetstream = deps.jetstream;
    this.#epoch = deps.epoch;
    this.#log = deps.log;
  }

  /**
   * Stores a message; messages of one stream are sent in the order of the calls.
   * @throws what `JetStream` throws
   */
  async store(stream: string, data: string, limits: HistoryLimits): Promise<StoredPosition> {
    const known = this.#know(stream, limits);
    await known.ensured;
    try {
      return await this.#publish(stream, data, known);
    } catch (error) {
      if (!isUnheard(error)) throw error;
      // No stream listens: it was lost, or JetStream is. Asking for it tells which.
      this.#doubt(stream, known);
      const again = this.#know(stream, limits);
      await again.ensured;
      return await this.#publish(stream, data, again);
    }
  }

  async #publish(stream: string, data: string, known: Known): Promise<StoredPosition> {
    const offset = await this.#jetstream.publish(historyStreamName(stream), data);
    const epoch = await this.#epoch.confirmed();
    known.epoch = epoch;
    return { offset, epoch };
  }

  #know(stream: string, limits: HistoryLimits): Known {
    const there = this.#known.get(stream);
    if (there !== undefined) return there;
    const lost = this.#doubtful.get(stream);
    const making =
      lost === undefined ? this.#make(stream, limits) : this.#makeAgain(stream, limits, lost);
    const ensured = making.catch((error: unknown) => {
      // Who waits gets the failure; the next message tries again.
      if (this.#known.get(stream) === known) this.#known.delete(stream);
      throw error;
    });
    const known: Known = { ensured, epoch: lost ?? "" };
    this.#known.set(stream, known);
    if (this.#known.size > MAX_KNOWN) this.#forgetOldest();
    return known;
  }

  #doubt(stream: string, known: Known): void {
    if (this.#known.get(stream) !== known) return;
    this.#known.delete(stream);
    this.#doubtful.set(stream, known.epoch);
  }

  async #make(stream: string, limits: HistoryLimits): Promise<void> {
    const isMade = await this.#jetstream.create(streamSettings(stream, limits, this.#replicas));
    if (!isMade) this.#log.debug("the stream keeps the limits it was made with", { stream });
  }

  async #makeAgain(stream: string, limits: HistoryLimits, lost: string): Promise<void> {
    if ((await this.#jetstream.state(historyStreamName(stream))) === null) {
      this.#log.warn("stored messages were lost", { stream });
      await this.#epoch.renew(lost);
      await this.#make(stream, limits);
    }
    this.#doubtful.delete(stream);
  }

  #forgetOldest(): void {
    for (const stream of this.#known.keys()) {
      this.#known.delete(stream);
      return;
    }
  }
}
