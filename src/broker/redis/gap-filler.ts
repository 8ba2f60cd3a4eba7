import type { StreamPosition } from "../../messages/command.ts";
import type { Publication } from "../../messages/publication.ts";
import type { RemoteCommand } from "../../messages/remote-command.ts";
import { errorText, ServerError } from "../../messages/server-error.ts";
import type { History } from "../../ports/broker.ts";
import type { Delivery } from "../../ports/delivery.ts";
import type { Log } from "../../ports/log.ts";
import type { PubSub } from "../../ports/pubsub.ts";
import { isOutsideHistory } from "../outside-history.ts";

/** `memory` is asked for what was missed; `delivery` gets everything, in order. */
export interface GapFillerDeps {
  readonly delivery: Delivery;
  readonly memory: StreamMemory;
  readonly log: Log;
}

/** What is remembered of streams, as the gap filler asks for it. */
export interface StreamMemory {
  /** How far a stream has come; null: nothing was ever published. @throws {ServerError} `redis_unavailable` */
  position(stream: string): Promise<StreamPosition | null>;
  /** What is stored behind a position: of the present epoch to its end, otherwise of all before the present one. */
  rest(stream: string, position: StreamPosition): Promise<History>;
}

/** A stream with subscribers on this node. */
interface LiveStream {
  readonly name: string;
  subscribers: number;
  /** False until it has been learnt how far the stream was when the first subscriber came: no gap can be seen before. */
  isKnown: boolean;
  /** The newest position delivered, or the one at the beginning; no epoch: nothing had been published then. */
  epoch: string;
  offset: number;
  /** Offsets of the epoch up to here came out of the history: they may come once more by pub/sub. */
  filledUpTo: number;
  /** What has to wait for the history; null when nothing does. */
  held: Publication[] | null;
  /** The history cannot be read now: `returned` goes on. */
  isStuck: boolean;
  /** Pub/sub or the memory was away once more while the history was read. */
  mustLookAgain: boolean;
}

const MAX_HELD = 10_000;
const CHECKED_AT_ONCE = 256;

/**
 * Between pub/sub and the node. Pub/sub loses what is published while its connection is away, and offsets tell: what is
 * missing is read from the history and delivered in its place, once, before what came later. Only for a pub/sub that
 * brings a stream in the order of its offsets. When the epoch changes, what the last one still held comes first.
 */
export class GapFiller implements Delivery {
  readonly #delivery: Delivery;
  readonly #memory: GapFillerDeps["memory"];
  readonly #log: Log;
  readonly #streams = new Map<string, LiveStream>();

  constructor(deps: GapFillerDeps) {
    this.#delivery = deps.delivery;
    this.#memory = deps.memory;
    this.#log = deps.log;
  }

  /** The same pub/sub, watched for what has subscribers here. */
  watch(pubsub: PubSub): PubSub {
    return {
      publish: (publication) => pubsub.publish(publication),
      command: (remote) => pubsub.command(remote),
      subscribe: async (stream) => {
        const isFirst = !this.#streams.has(stream);
        const live = this.#take(stream);
        try {
          await pubsub.subscribe(stream);
        } catch (error) {
          this.#leave(stream);
          throw error;
        }
        // Reports for itself; the client does not have to wait.
        if (isFirst) void this.#learn(live);
      },
      unsubscribe: (stream) => {
        this.#leave(stream);
        return pubsub.unsubscribe(stream);
      },
    };
  }

  deliver(publication: Publication): void {
    const live = this.#streams.get(publication.stream);
    if (live === undefined) this.#delivery.deliver(publication);
    else if (live.held !== null) this.#hold(live, live.held, publication);
    else if (isOutsideHistory(publication)) this.#delivery.deliver(publication);
    else this.#follow(live, publication);
  }

  command(remote: RemoteCommand): void {
    this.#delivery.command(remote);
  }

  /** Pub/sub or the memory was away and is back: looks what every stream has missed. Resolves when all have been looked at. */
  async returned(): Promise<void> {
    const checks: (readonly [LiveStream, Publication[]])[] = [];
    for (const live of this.#streams.values()) {
      if (live.held !== null && !live.isStuck) {
        live.mustLookAgain = true;
        continue;
      }
      live.held ??= [];
      live.isStuck = false;
      checks.push([live, live.held]);
    }
    for (let start = 0; start < checks.length; start += CHECKED_AT_ONCE) {
      const chunk = checks.slice(start, start + CHECKED_AT_ONCE);
      await Promise.all(chunk.map(([live, held]) => this.#check(live, held)));
    }
  }

  #follow(live: LiveStream, publication: Publication): void {
    const { epoch, offset } = publication;
    const isSameEpoch = epoch === live.epoch;
    if (isSameEpoch && offset <= live.filledUpTo) return;
    const isNext = isSameEpoch ? offset <= live.offset + 1 : live.epoch === "" && offset === 1;
    if (!live.isKnown || isNext) {
      this.#pass(live, publication);
      return;
    }
    const held = [publication];
    live.held = held;
    // Reports for itself.
    void this.#fill(live, held, { epoch, offset: offset - 1 });
  }

  #take(stream: string): LiveStream {
    const known = this.#streams.get(stream);
    if (known !== undefined) {
      known.subscribers += 1;
      return known;
    }
    const nothing = { isKnown: false, epoch: "", offset: 0, filledUpTo: 0 };
    const fresh: LiveStream = {
      name: stream,
      subscribers: 1,
      ...nothing,
      held: null,
      isStuck: false,
      mustLookAgain: false,
    };
    this.#streams.set(stream, fresh);
    return fresh;
  }

  /** How far the stream is now: what comes behind it, this node should hear. */
  async #learn(live: LiveStream): Promise<void> {
    const end = await this.#endOf(live.name);
    if (end === "away" || live.isKnown || live.held !== null) return;
    this.#beginAt(live, end);
  }

  #beginAt(live: LiveStream, position: StreamPosition | null): void {
    Object.assign(live, position, { isKnown: true });
  }

  #leave(stream: string): void {
    const live = this.#streams.get(stream);
    if (live === undefined) return;
    live.subscribers -= 1;
    if (live.subscribers === 0) this.#streams.delete(stream);
  }

  #hold(live: LiveStream, held: Publication[], publication: Publication): void {
    held.push(publication);
    if (held.length < MAX_HELD) return;
    this.#log.warn("history does not come, missed messages are left out", { stream: live.name });
    live.held = null;
    live.isStuck = false;
    for (const each of held) this.#pass(live, each);
  }

  async #check(live: LiveStream, held: Publication[]): Promise<void> {
    const end = await this.#endOf(live.name);
    if (!this.#isHeld(live, held)) return;
    if (end === "away") {
      // What has arrived may have a gap before it, which only the history can tell.
      if (held.length > 0 && live.isKnown) live.isStuck = true;
      else await this.#finish(live, held);
      return;
    }
    const isBehind = end !== null && !(end.epoch === live.epoch && end.offset <= live.offset);
    if (live.isKnown && isBehind) {
      await this.#fill(live, held, end);
      return;
    }
    if (!live.isKnown && held.length === 0) this.#beginAt(live, end);
    await this.#finish(live, held);
  }

  /** @returns null when nothing was ever published, `away` when nobody can be asked */
  async #endOf(stream: string): Promise<StreamPosition | "away" | null> {
    try {
      return await this.#memory.position(stream);
    } catch (error) {
      if (error instanceof ServerError && error.code === "redis_unavailable") return "away";
      this.#log.error("the end of a stream cannot be read", { stream, error: errorText(error) });
      return null;
    }
  }

  /** Delivers what lies between the known position and `end`, `end` included, then what was held. */
  async #fill(live: LiveStream, held: Publication[], end: StreamPosition): Promise<void> {
    const isSameEpoch = end.epoch === live.epoch;
    const known = isSameEpoch ? live.offset : 0;
    const last = isSameEpoch || live.epoch === "" ? null : await this.#rest(live, live);
    const history = await this.#rest(live, { epoch: end.epoch, offset: known });
    if (!history.ok && (await this.#endOf(live.name)) === "away") {
      live.isStuck = true;
      return;
    }
    if (!this.#isHeld(live, held)) return;
    // Nothing tells how far an epoch went that is gone: this node may have had all of it.
    if (last?.ok === true) this.#deliverMissed(live, last.publications);
    if (!isSameEpoch) Object.assign(live, { epoch: end.epoch, filledUpTo: 0 });
    live.offset = Math.max(known, end.offset);
    if (history.ok) this.#deliverMissed(live, notHeld(history.publications, live, held));
    else {
      const { reason } = history;
      this.#log.warn("messages between nodes were lost", { stream: live.name, reason });
    }
    await this.#finish(live, held);
  }

  async #finish(live: LiveStream, held: Publication[]): Promise<void> {
    if (!live.mustLookAgain || !this.#isHeld(live, held)) {
      this.#release(live, held);
      return;
    }
    live.mustLookAgain = false;
    await this.#check(live, held);
  }

  #rest(live: LiveStream, { epoch, offset }: StreamPosition): Promise<History> {
    return this.#memory.rest(live.name, { epoch, offset });
  }

  #deliverMissed(live: LiveStream, missed: readonly Publication[]): void {
    for (const publication of missed) {
      this.#pass(live, publication);
      live.filledUpTo = publication.offset;
    }
    const count = missed.length;
    if (count === 0) return;
    this.#log.info("messages between nodes were lost and read again", { stream: live.name, count });
  }

  #release(live: LiveStream, held: readonly Publication[]): void {
    if (live.held !== held) return;
    live.held = null;
    live.isStuck = false;
    if (this.#streams.get(live.name) !== live) return;
    for (const publication of held) this.deliver(publication);
  }

  /** False when nobody waits for it any more. */
  #isHeld(live: LiveStream, held: readonly Publication[]): boolean {
    return live.held === held && this.#streams.get(live.name) === live;
  }

  #pass(live: LiveStream, publication: Publication): void {
    const { epoch, offset } = publication;
    const isSameEpoch = epoch === live.epoch;
    if (offset > 0) {
      live.isKnown = true;
      live.offset = isSameEpoch ? Math.max(live.offset, offset) : offset;
      if (!isSameEpoch) Object.assign(live, { epoch, filledUpTo: 0 });
    }
    this.#delivery.deliver(publication);
  }
}

/** What is held as well comes from there: only it knows whom to leave out. */
function notHeld(
  history: readonly Publication[],
  { epoch }: LiveStream,
  held: readonly Publication[],
): readonly Publication[] {
  const next = held.find((publication) => publication.offset > 0 && publication.epoch === epoch);
  const end = next?.offset ?? Number.POSITIVE_INFINITY;
  return history.filter(({ offset }) => offset < end);
}
