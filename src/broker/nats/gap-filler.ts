import type { Publication } from "../../messages/publication.ts";
import type { RemoteCommand } from "../../messages/remote-command.ts";
import { errorText } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Delivery } from "../../ports/delivery.ts";
import type { Log } from "../../ports/log.ts";
import type { PubSub } from "../../ports/pubsub.ts";
import { isOutsideHistory } from "../outside-history.ts";
import type { HistoryCopy } from "./history-copy.ts";
import { type StreamEnd, StreamProgress } from "./stream-progress.ts";

/** What is stored, as the gap filler asks for it. Both throw while JetStream cannot be asked. */
export interface StoredMemory {
  /** @returns null when nothing is stored that could be read again */
  end(stream: string): Promise<StreamEnd | null>;
  /** @returns null when nothing is stored */
  copy(stream: string): Promise<HistoryCopy | null>;
}

/** `memory` is asked for what was missed; `delivery` gets everything. */
export interface NatsGapFillerDeps {
  readonly delivery: Delivery;
  readonly memory: StoredMemory;
  readonly clock: Clock;
  readonly log: Log;
}

/** A stream with subscribers on this node. */
interface LiveStream {
  readonly name: string;
  readonly progress: StreamProgress;
  subscribers: number;
  /** Where it began has been asked. */
  isAsked: boolean;
  /** What has to wait for the history; null when nothing does. */
  held: Publication[] | null;
  isMending: boolean;
  /** Pub/sub was away once more while the history was read. */
  mustLookAgain: boolean;
}

const MAX_HELD = 10_000;
const AT_ONCE = 256;
/** Until servers of a cluster know what we listen to, and until what is on its way has come. */
const SETTLE_MS = 100;
/** 20 s: JetStream's connection may come back long after that of pub/sub. */
const RETRY_MS = 500;
const MAX_TRIES = 40;

/**
 * Between pub/sub and the node. Pub/sub loses what is published while its connection is away: when it is back, what is
 * stored behind the known position and was not seen is delivered, once, before what comes meanwhile. Everything else
 * passes at once. Recipients and type of a publication are not stored: what comes from its node is preferred.
 */
export class NatsGapFiller implements Delivery {
  readonly #deps: NatsGapFillerDeps;
  readonly #log: Log;
  readonly #streams = new Map<string, LiveStream>();
  #unlearnt: LiveStream[] = [];
  #isLearning = false;

  constructor(deps: NatsGapFillerDeps) {
    this.#deps = deps;
    this.#log = deps.log.with({ context: "broker", provider: "nats" });
  }

  /** The same pub/sub, watched for what has subscribers here. */
  watch(pubsub: PubSub): PubSub {
    return {
      publish: (publication) => pubsub.publish(publication),
      command: (remote) => pubsub.command(remote),
      subscribe: async (stream) => {
        const live = this.#take(stream);
        try {
          await pubsub.subscribe(stream);
        } catch (error) {
          this.#leave(stream);
          throw error;
        }
        if (!live.isAsked) this.#learnSoon(live);
      },
      unsubscribe: (stream) => {
        this.#leave(stream);
        return pubsub.unsubscribe(stream);
      },
    };
  }

  deliver(publication: Publication): void {
    const live = this.#streams.get(publication.stream);
    if (live === undefined || isOutsideHistory(publication))
      this.#deps.delivery.deliver(publication);
    else if (live.held !== null) this.#hold(live, live.held, publication);
    else this.#pass(live, publication);
  }

  command(remote: RemoteCommand): void {
    this.#deps.delivery.command(remote);
  }

  /** Pub/sub has a fresh connection over which nothing has come yet: what comes is held until `returned` has looked. */
  reconnected(): void {
    for (const live of this.#streams.values()) live.held ??= [];
  }

  /** Pub/sub or JetStream was away and is back: looks what every stream has missed. Resolves when all have been looked at. */
  async returned(): Promise<void> {
    const lost: LiveStream[] = [];
    for (const live of this.#streams.values()) {
      live.mustLookAgain = true;
      if (live.isMending) continue;
      live.isMending = true;
      live.held ??= [];
      lost.push(live);
    }
    await this.#pause(SETTLE_MS);
    // Shared by all workers: a stream whose leader is away keeps up none but itself.
    const queue = lost.values();
    let unread = 0;
    const work = async (): Promise<void> => {
      for (const live of queue) if (!(await this.#mend(live))) unread += 1;
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, lost.length) }, work));
    if (unread > 0) this.#log.warn("missed messages could not be read", { streams: unread });
  }

  /** @returns false when JetStream could not be asked: the gap stays known, and the next return closes it */
  async #mend(live: LiveStream): Promise<boolean> {
    for (let tries = 0; live.mustLookAgain && tries < MAX_TRIES && this.#isLive(live); ) {
      live.mustLookAgain = false;
      if (await this.#look(live)) continue;
      live.mustLookAgain = true;
      tries += 1;
      await this.#pause(RETRY_MS);
    }
    const isRead = !live.mustLookAgain || !this.#isLive(live);
    live.isMending = false;
    this.#release(live);
    return isRead;
  }

  /** @returns false when JetStream, or the stream's leader, is away */
  async #look(live: LiveStream): Promise<boolean> {
    const { progress } = live;
    const end = await this.#endOf(live);
    if (end === "away") return false;
    if (!progress.isKnown) {
      progress.beginAt(end);
      return true;
    }
    if (end === null || progress.isAt(end)) return true;
    try {
      const copy = await this.#deps.memory.copy(live.name);
      await this.#pause(SETTLE_MS);
      if (copy !== null && live.held !== null) this.#deliverMissed(live, live.held, copy);
      return true;
    } catch (error) {
      this.#log.debug("missed messages cannot be read", { error: errorText(error) });
      return false;
    }
  }

  #isLive(live: LiveStream): boolean {
    return this.#streams.get(live.name) === live;
  }

  /** What is held as well comes from there: only it knows whom to leave out. */
  #deliverMissed(live: LiveStream, held: readonly Publication[], copy: HistoryCopy): void {
    const { progress } = live;
    const { epoch, created, last: offset } = copy;
    const end = { epoch, created, offset };
    const known = progress.isOf(end) ? progress.upTo : 0;
    const isNew = ({ offset }: Publication) => !progress.isOf(end) || !progress.hasSeen(offset);
    const fromNodes = new Set(
      held.filter((each) => each.epoch === epoch).map((each) => each.offset),
    );
    const behind = copy.after(known);
    if (typeof behind === "string" && known > 0) {
      this.#log.warn("messages between nodes were lost", { stream: live.name, reason: behind });
    }
    const stored = typeof behind === "string" ? copy.since(0) : behind;
    const missed = stored.filter((each) => isNew(each) && !fromNodes.has(each.offset));
    const fresh = held.filter((each) => !progress.wasFilled(each));
    progress.fillUpTo(end);
    live.held = [];
    let next = 0;
    for (const publication of fresh) {
      const isPlaced = publication.epoch === epoch;
      for (; isPlaced && isBefore(missed[next], publication); next += 1) this.#give(missed[next]);
      this.#give(publication);
      progress.see(publication);
    }
    for (; next < missed.length; next += 1) this.#give(missed[next]);
    if (missed.length === 0) return;
    const count = missed.length;
    this.#log.info("messages between nodes were lost and read again", { stream: live.name, count });
  }

  #give(publication: Publication | undefined): void {
    if (publication !== undefined) this.#deps.delivery.deliver(publication);
  }

  #hold(live: LiveStream, held: Publication[], publication: Publication): void {
    held.push(publication);
    if (held.length >= MAX_HELD) this.#release(live);
  }

  #release(live: LiveStream): void {
    const { held } = live;
    live.held = null;
    if (held === null || !this.#isLive(live)) return;
    for (const publication of held) this.#pass(live, publication);
  }

  #pass(live: LiveStream, publication: Publication): void {
    if (live.progress.wasFilled(publication)) return;
    live.progress.see(publication);
    this.#deps.delivery.deliver(publication);
  }

  #take(stream: string): LiveStream {
    const known = this.#streams.get(stream);
    if (known !== undefined) {
      known.subscribers += 1;
      return known;
    }
    const fresh: LiveStream = {
      name: stream,
      progress: new StreamProgress(),
      subscribers: 1,
      isAsked: false,
      held: null,
      isMending: false,
      mustLookAgain: false,
    };
    this.#streams.set(stream, fresh);
    return fresh;
  }

  #leave(stream: string): void {
    const live = this.#streams.get(stream);
    if (live === undefined) return;
    live.subscribers -= 1;
    if (live.subscribers === 0) this.#streams.delete(stream);
  }

  /** Where the stream is at the first subscription; the client does not wait for it. */
  #learnSoon(live: LiveStream): void {
    live.isAsked = true;
    this.#unlearnt.push(live);
    // Reports for itself.
    if (!this.#isLearning) void this.#learn();
  }

  /** Many at once, but not all: a thousand clients that come back together have more urgent questions. */
  async #learn(): Promise<void> {
    this.#isLearning = true;
    while (this.#unlearnt.length > 0) {
      const batch = this.#unlearnt.splice(0, AT_ONCE);
      const ends = await Promise.all(batch.map((live) => this.#endOf(live)));
      for (const [index, live] of batch.entries()) {
        const end = ends[index];
        if (end !== undefined && end !== "away" && !live.progress.isKnown)
          live.progress.beginAt(end);
      }
      // They are learnt by their first message, or when JetStream is back.
      if (ends.includes("away")) this.#unlearnt = [];
    }
    this.#isLearning = false;
  }

  async #endOf({ name }: LiveStream): Promise<StreamEnd | "away" | null> {
    try {
      return await this.#deps.memory.end(name);
    } catch (error) {
      this.#log.debug("the end of a stream cannot be read", { error: errorText(error) });
      return "away";
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.clock.after(ms, resolve);
    });
  }
}

function isBefore(stored: Publication | undefined, { offset }: Publication): boolean {
  return stored !== undefined && stored.offset < offset;
}
