import { Bucket, type BucketEntry, bucketKey } from "../../clients/nats/bucket.ts";
import type { JetStream } from "../../clients/nats/jetstream.ts";
import { ServerError } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import {
  decodeRecord,
  encodeRecord,
  type PresenceRecordEntry,
  type Whereabouts,
} from "./presence-record.ts";

/** What a change did to a member: came with its first node, went with its last one, or neither. */
export type RecordEffect = "arrived" | "left" | "none";

/** What a member's record should become; null: there should be none. */
type Change = (known: PresenceRecordEntry | null) => PresenceRecordEntry | null;

/** How long a record lives that no node writes again: only when all nodes are gone does it matter. */
const TTL_MS = 3_600_000;
const MAX_TRIES = 100;

/**
 * Who is where, in the JetStream bucket `_anycable_presence_`: a key per stream and member. A record is changed only as it
 * is known, so of all nodes that see the same transition exactly one makes it. Methods throw what `JetStream` throws.
 */
export class PresenceRecords {
  /** Records must be written again within this time. */
  readonly ttlMs = TTL_MS;
  readonly #bucket: Bucket;

  constructor(
    options: { readonly replicas: number },
    deps: { readonly jetstream: JetStream; readonly clock: Clock; readonly log: Log },
  ) {
    const { replicas } = options;
    this.#bucket = new Bucket({ name: "_anycable_presence_", ttlMs: TTL_MS, replicas }, deps);
  }

  /** @returns false when there were none: JetStream has lost them, or never had any */
  open(): Promise<boolean> {
    return this.#bucket.open();
  }

  /** Notes that the member is on a node, with this info; writes in any case. */
  async attach(
    stream: string,
    id: string,
    info: string,
    whereabouts: Whereabouts,
  ): Promise<RecordEffect> {
    return this.#change(stream, id, (known) => {
      const others = without(known, ({ node }) => node === whereabouts.node);
      return { stream, id, info, nodes: [...others, whereabouts] };
    });
  }

  /** Notes that the member is no longer on the nodes for which `isGone` says so. */
  async detach(
    stream: string,
    id: string,
    isGone: (whereabouts: Whereabouts) => boolean,
  ): Promise<RecordEffect> {
    return this.#change(stream, id, (known) => {
      const nodes = without(known, isGone);
      if (known === null || nodes.length === known.nodes.length) return known;
      return nodes.length === 0 ? null : { ...known, nodes };
    });
  }

  /** Members of one stream. */
  list(stream: string): Promise<readonly PresenceRecordEntry[]> {
    return this.#read(`${bucketKey(stream)}.*`);
  }

  /** Members of all streams. */
  all(): Promise<readonly PresenceRecordEntry[]> {
    return this.#read(">");
  }

  async #read(pattern: string): Promise<readonly PresenceRecordEntry[]> {
    const entries = await this.#bucket.list(pattern);
    return entries.map(({ value }) => decodeRecord(value)).filter((record) => record !== null);
  }

  async #change(stream: string, id: string, change: Change): Promise<RecordEffect> {
    const key = `${bucketKey(stream)}.${bucketKey(id)}`;
    for (let count = 0; count < MAX_TRIES; count += 1) {
      const effect = await this.#try(key, await this.#bucket.get(key), change);
      if (effect !== null) return effect;
    }
    throw new ServerError("presence_failed", `the record of ${id} in ${stream} changes too fast`);
  }

  /** @returns null when somebody else was faster */
  async #try(key: string, entry: BucketEntry | null, change: Change): Promise<RecordEffect | null> {
    const known = entry === null ? null : decodeRecord(entry.value);
    const wanted = change(known);
    if (wanted === known) return "none";
    const value = wanted === null ? null : encodeRecord(wanted);
    if ((await this.#bucket.swap(key, value, entry)) === null) return null;
    if (known === null) return wanted === null ? "none" : "arrived";
    return wanted === null ? "left" : "none";
  }
}

function without(
  known: PresenceRecordEntry | null,
  isGone: (whereabouts: Whereabouts) => boolean,
): readonly Whereabouts[] {
  return known === null ? [] : known.nodes.filter((whereabouts) => !isGone(whereabouts));
}
