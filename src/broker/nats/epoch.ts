import { Bucket, type BucketEntry } from "../../clients/nats/bucket.ts";
import type { JetStream } from "../../clients/nats/jetstream.ts";
import type { NatsLink } from "../../clients/nats/link.ts";
import type { NatsSubscription } from "../../clients/nats/subscription.ts";
import { errorText } from "../../messages/server-error.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";

/** `ttlMs`: how long the epoch outlives the last node that keeps it alive. */
export interface NatsEpochOptions {
  readonly ttlMs: number;
  readonly replicas: number;
}

/** `randomId` gives an unguessable text of that length over `_-0-9a-zA-Z`. */
export interface NatsEpochDeps {
  readonly jetstream: JetStream;
  readonly link: Pick<NatsLink, "subscribe" | "watch">;
  readonly clock: Clock;
  readonly randomId: (length: number) => string;
  readonly log: Log;
}

const KEY = "_epoch_";
const LENGTH = 4;
const MAX_REFRESH_MS = 60_000;
const MIN_REFRESH_MS = 1000;

/**
 * The epoch that all nodes on one JetStream share: bucket `_anycable_epoch_`, key `_epoch_`. Every node keeps it alive and
 * hears at once when another one has changed it. It is renewed when stored streams were lost: offsets start again then.
 * Source: spec "messaging", section 13, rule 2.
 */
export class NatsEpoch {
  readonly #clock: Clock;
  readonly #deps: NatsEpochDeps;
  readonly #log: Log;
  readonly #bucket: Bucket;
  readonly #refreshMs: number;
  #current = "";
  #subscription: NatsSubscription | null = null;
  #unwatch: (() => void) | null = null;
  #timer: Timer | null = null;
  #last: Promise<void> = Promise.resolve();
  /** False from the loss of the connection on until the stored epoch has been seen again. */
  #isSure = false;

  constructor(options: NatsEpochOptions, deps: NatsEpochDeps) {
    this.#deps = deps;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#bucket = new Bucket({ name: "_anycable_epoch_", ...options }, deps);
    this.#refreshMs = Math.max(MIN_REFRESH_MS, Math.min(options.ttlMs / 3, MAX_REFRESH_MS));
  }

  /** Empty before `open`. What was just stored or read is of `confirmed`, not of this. */
  get current(): string {
    return this.#current;
  }

  /**
   * The epoch of what JetStream answered before this call: waits for changes that were heard of and, after a loss of the
   * connection, for what is stored now. @throws what `JetStream` throws
   */
  async confirmed(): Promise<string> {
    await this.#last;
    if (!this.#isSure) {
      await this.#inTurn(async () => {
        if (!this.#isSure) await this.#refreshStored();
      });
    }
    return this.#current;
  }

  /** Finds the epoch or makes one. May be called again after it failed. @throws what `JetStream` throws */
  async open(): Promise<void> {
    this.#subscription ??= this.#deps.link.subscribe(this.#bucket.subject(KEY), (message) => {
      // Reports for itself.
      if (message.string() !== this.#current) void this.#look();
    });
    this.#unwatch ??= this.#deps.link.watch((isUp) => {
      this.#isSure = false;
      if (isUp && this.#current !== "") void this.#keep();
    });
    await this.#inTurn(async () => {
      await this.#bucket.open();
      await this.#findOrMake(this.#deps.randomId(LENGTH));
      this.#isSure = true;
    });
    this.#schedule();
  }

  /** A new epoch for everybody, unless there is one already: positions of `lost` mean nothing any more. */
  async renew(lost: string): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#current === lost) await this.#replace();
    });
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#unwatch?.();
    this.#subscription?.close();
  }

  async #replace(): Promise<void> {
    const lost = this.#current;
    await this.#bucket.open();
    const known = await this.#bucket.get(KEY);
    // Somebody else was faster.
    if (known !== null && known.value !== lost) {
      this.#adopt(known.value);
      return;
    }
    await this.#write(this.#deps.randomId(LENGTH), known);
  }

  async #findOrMake(candidate: string): Promise<void> {
    const known = await this.#bucket.get(KEY);
    if (known === null) await this.#write(candidate, null);
    else this.#adopt(known.value);
  }

  async #write(epoch: string, known: BucketEntry | null): Promise<void> {
    const revision = await this.#bucket.swap(KEY, epoch, known);
    if (revision !== null) this.#adopt(epoch);
    else await this.#findOrMake(epoch);
  }

  #adopt(epoch: string): void {
    if (epoch === "" || epoch === this.#current) return;
    const isFirst = this.#current === "";
    this.#current = epoch;
    if (!isFirst) this.#log.warn("epoch updated", { epoch });
  }

  #schedule(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(this.#refreshMs, () => {
      // Reports for itself.
      void this.#keep();
      this.#schedule();
    });
  }

  /** Somebody has tried to change the epoch: what is heard may have been refused, what is stored counts. */
  async #look(): Promise<void> {
    try {
      await this.#inTurn(async () => {
        const known = await this.#bucket.get(KEY);
        if (known !== null) this.#adopt(known.value);
      });
    } catch (error) {
      this.#isSure = false;
      this.#log.debug("failed to read the epoch", { error: errorText(error) });
    }
  }

  async #keep(): Promise<void> {
    try {
      await this.#inTurn(() => this.#refreshStored());
    } catch (error) {
      this.#log.debug("failed to refresh the epoch", { error: errorText(error) });
    }
  }

  /** Writes the epoch again before it expires. A bucket that has vanished took the streams with it: a new epoch then. */
  async #refreshStored(): Promise<void> {
    this.#isSure = true;
    try {
      if (await this.#bucket.isMissing()) await this.#replace();
      else await this.#refreshEntry();
    } catch (error) {
      this.#isSure = false;
      throw error;
    }
  }

  async #refreshEntry(): Promise<void> {
    const known = await this.#bucket.get(KEY);
    if (known !== null && known.value !== this.#current) this.#adopt(known.value);
    else await this.#write(this.#current, known);
  }

  /** One step after the other: what was read late must not overwrite what was learnt meanwhile. */
  #inTurn(step: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(step);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
