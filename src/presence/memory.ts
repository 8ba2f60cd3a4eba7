import { joinEvent, leaveEvent } from "../messages/presence-event.ts";
import type { Publication } from "../messages/publication.ts";
import type { PresenceInfo } from "../messages/reply.ts";
import { errorText } from "../messages/server-error.ts";
import { StreamMatcher } from "../messages/stream-matcher.ts";
import type { StreamRule } from "../messages/stream-rules.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { PresenceChange, PresenceStore } from "../ports/presence-store.ts";
import type { PubSub } from "../ports/pubsub.ts";
import type { Service } from "../ports/service.ts";
import { PresenceLeases } from "./presence-leases.ts";
import { PresenceSet } from "./presence-set.ts";

/** How long a session's records outlive its last touch; the first rule that matches a stream overrides it. */
export interface MemoryPresenceStoreOptions {
  readonly ttlMs: number;
  readonly streamRules: readonly StreamRule[];
}

/** Events go out through `pubsub`. */
export interface MemoryPresenceStoreDeps {
  readonly clock: Clock;
  readonly pubsub: PubSub;
  readonly log: Log;
}

const EXPIRE_EVERY_MS = 1000;
const EMPTY: PresenceInfo = Object.freeze({ total: 0, records: [] });

/**
 * Presence in this process. An event that cannot be published is logged and lost, the change stays.
 * Expired records leave at the tick, up to a second late. Source: spec "messaging", section 12.1; docs/presence.md.
 */
export class MemoryPresenceStore implements PresenceStore, Service {
  readonly name = "memory presence store";
  readonly #clock: Clock;
  readonly #pubsub: PubSub;
  readonly #log: Log;
  /** Milliseconds a record lives; null: no presence in the stream. */
  readonly #ttls: StreamMatcher<number | null>;
  readonly #sets = new Map<string, PresenceSet>();
  readonly #leases = new PresenceLeases();
  #tick: Timer | null = null;

  constructor(options: MemoryPresenceStoreOptions, deps: MemoryPresenceStoreDeps) {
    this.#clock = deps.clock;
    this.#pubsub = deps.pubsub;
    this.#log = deps.log;
    this.#ttls = new StreamMatcher(options.streamRules, (rule) => ttlOf(rule, options.ttlMs));
  }

  async start(): Promise<void> {
    this.#schedule();
  }

  async stop(_signal: AbortSignal): Promise<void> {
    this.#tick?.cancel();
    this.#tick = null;
  }

  async join(stream: string, sid: string, id: string, info: string): Promise<PresenceChange> {
    const ttlMs = this.#ttls.settingsOf(stream);
    if (ttlMs === null) return { ok: false, reason: "unsupported" };
    const set = this.#sets.get(stream) ?? new PresenceSet();
    const effect = set.join(sid, id, info);
    if (effect === "mismatch") return { ok: false, reason: "mismatch" };
    this.#sets.set(stream, set);
    this.#leases.add(sid, stream, ttlMs, this.#clock.now());
    if (effect === "arrived") await this.#announce(joinEvent(stream, id, info));
    return { ok: true };
  }

  async leave(stream: string, sid: string): Promise<PresenceChange> {
    const ttlMs = this.#ttls.settingsOf(stream);
    if (ttlMs === null) return { ok: false, reason: "unsupported" };
    if (this.#sets.get(stream)?.has(sid) !== true) return { ok: false, reason: "absent" };
    this.#leases.remove(sid, stream, ttlMs);
    await this.#remove(stream, sid);
    return { ok: true };
  }

  async info(stream: string, withRecords: boolean): Promise<PresenceInfo | null> {
    if (this.#ttls.settingsOf(stream) === null) return null;
    return this.#sets.get(stream)?.info(withRecords) ?? EMPTY;
  }

  async touch(sid: string): Promise<void> {
    this.#leases.touch(sid, this.#clock.now());
  }

  #schedule(): void {
    this.#tick = this.#clock.after(EXPIRE_EVERY_MS, () => {
      for (const [sid, stream] of this.#leases.takeExpired(this.#clock.now())) {
        // Owned by #announce, which reports failures; the tick must not wait for the network.
        void this.#remove(stream, sid);
      }
      this.#schedule();
    });
  }

  async #remove(stream: string, sid: string): Promise<void> {
    const set = this.#sets.get(stream);
    if (set === undefined) return;
    const id = set.leave(sid);
    if (set.isEmpty()) this.#sets.delete(stream);
    if (id !== null) await this.#announce(leaveEvent(stream, id));
  }

  async #announce(event: Publication): Promise<void> {
    try {
      await this.#pubsub.publish(event);
    } catch (error) {
      this.#log.error("failed to publish presence event", {
        stream: event.stream,
        error: errorText(error),
      });
    }
  }
}

function ttlOf(rule: StreamRule | null, ttlMs: number): number | null {
  if (rule?.presence === false) return null;
  return rule?.presenceTtlS === undefined ? ttlMs : rule.presenceTtlS * 1000;
}
