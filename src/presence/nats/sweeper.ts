import type { Clock } from "../../ports/clock.ts";
import type { NodeHeartbeats } from "./heartbeats.ts";
import type { LocalMember } from "./local-members.ts";
import type { PresenceRecordEntry } from "./presence-record.ts";

/** This node, and the shortest time to live a record can have. */
export interface SweeperOptions {
  readonly node: string;
  readonly ttlMs: number;
}

/** What the sweeper does with records is its owner's work. `random` gives numbers from 0 up to, not including, 1. */
export interface SweeperDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly heartbeats: NodeHeartbeats;
  readonly list: () => Promise<readonly PresenceRecordEntry[]>;
  /** Takes dead nodes out of the member's record. */
  readonly drop: (member: LocalMember) => Promise<void>;
  /** Whether the member is on this node. */
  readonly isKnown: (member: LocalMember) => boolean;
  /** The record says that the member is on this node, and it is not. */
  readonly disown: (member: LocalMember) => void;
}

/** Nodes notice a death together: they come one after the other. */
const SPREAD_MS = 500;

/**
 * Finds members of nodes that have died. All records are looked through when a node has fallen silent, once after every
 * start and new connection (nodes that died before are never heard), and again when the next of them is due.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #deps: SweeperDeps;
  /** Silent nodes that a sweep has been set for. */
  readonly #mourned = new Set<string>();
  #dueAtMs = Number.POSITIVE_INFINITY;

  constructor(options: SweeperOptions, deps: SweeperDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Nobody has been heard yet: looks again when the shortest time to live is over. */
  restart(): void {
    this.#mourned.clear();
    this.#dueAtMs = this.#deps.clock.now() + this.#deps.heartbeats.patienceMs(this.#options.ttlMs);
  }

  /** Rejects when records cannot be read or changed; they are due again then. */
  async sweepIfDue(): Promise<void> {
    this.#noticeSilence();
    const nowMs = this.#deps.clock.now();
    if (nowMs < this.#dueAtMs) return;
    this.#dueAtMs = nowMs;
    await this.#sweep(await this.#deps.list());
  }

  #noticeSilence(): void {
    const { clock, heartbeats, random } = this.#deps;
    for (const node of heartbeats.nodes) {
      const isSilent = heartbeats.isGone(node, this.#options.ttlMs);
      if (!isSilent) this.#mourned.delete(node);
      if (!isSilent || this.#mourned.has(node)) continue;
      this.#mourned.add(node);
      this.#dueAtMs = Math.min(this.#dueAtMs, clock.now() + random() * SPREAD_MS);
    }
  }

  async #sweep(records: readonly PresenceRecordEntry[]): Promise<void> {
    const { clock, drop } = this.#deps;
    let waitMs = Number.POSITIVE_INFINITY;
    const remembered = new Set<string>();
    for (const record of records) {
      const restMs = this.#restMs(record, remembered);
      if (restMs <= 0) await drop(record);
      else waitMs = Math.min(waitMs, restMs);
    }
    this.#forget(remembered);
    this.#dueAtMs = clock.now() + waitMs;
  }

  /** In how many milliseconds a silent node of the record is gone: 0 when one is, infinite when none is silent. */
  #restMs(record: PresenceRecordEntry, remembered: Set<string>): number {
    const { heartbeats } = this.#deps;
    let restMs = Number.POSITIVE_INFINITY;
    for (const { node, ttlMs } of record.nodes) {
      remembered.add(node);
      if (node === this.#options.node) this.#checkOwn(record);
      else if (heartbeats.isGone(node, ttlMs)) restMs = 0;
      else if (heartbeats.isGone(node, 0)) {
        restMs = Math.min(restMs, heartbeats.patienceMs(ttlMs) - heartbeats.silenceMs(node));
      }
    }
    return restMs;
  }

  #checkOwn(record: PresenceRecordEntry): void {
    if (!this.#deps.isKnown(record)) this.#deps.disown(record);
  }

  /** Dead nodes that no record names any more. */
  #forget(remembered: ReadonlySet<string>): void {
    for (const node of [...this.#mourned]) {
      if (remembered.has(node)) continue;
      this.#mourned.delete(node);
      this.#deps.heartbeats.forget(node);
    }
  }
}
