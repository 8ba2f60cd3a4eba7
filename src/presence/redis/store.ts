import type { RedisCommands } from "../../clients/redis/commands.ts";
import type { PresenceInfo } from "../../messages/reply.ts";
import { errorText } from "../../messages/server-error.ts";
import { StreamMatcher } from "../../messages/stream-matcher.ts";
import type { StreamRule } from "../../messages/stream-rules.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { PresenceChange, PresenceStore } from "../../ports/presence-store.ts";
import type { PubSub } from "../../ports/pubsub.ts";
import type { Service } from "../../ports/service.ts";
import { JoinedSessions } from "./joined-sessions.ts";
import { PresenceCommands } from "./presence-commands.ts";

/** How long a session's records outlive its last touch; the first rule that matches a stream overrides it. */
export interface RedisPresenceStoreOptions {
  readonly ttlMs: number;
  readonly streamRules: readonly StreamRule[];
  /** True when nodes hear each other through this very Redis: change and event are then one step. */
  readonly isPubSubHere: boolean;
  readonly nodeId: string;
}

/** The connection is started and stopped by whoever created it. */
export interface RedisPresenceStoreDeps {
  readonly redis: RedisCommands;
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly log: Log;
}

const SWEEP_EVERY_MS = 1000;
/** Touches are collected that long: one command per stream for all of its sessions. */
const TOUCH_DELAY_MS = 100;
const TOUCH_CHUNK = 500;

/**
 * Presence in Redis 6.2 or newer, the same on every node. One join and one leave per change, in order, whichever node
 * makes it. What Redis has lost is joined again with the next touch of its session; what a dead node has left expires and
 * is swept by the others. Source: spec "messaging", sections 12.1 and 15.5; docs/redis.md.
 */
export class RedisPresenceStore implements PresenceStore, Service {
  readonly name = "Redis presence store";
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #commands: PresenceCommands;
  /** Milliseconds a record lives; null: no presence in the stream. */
  readonly #ttls: StreamMatcher<number | null>;
  readonly #joined: JoinedSessions;
  #touched = new Set<string>();
  #touching: PromiseWithResolvers<void> | null = null;
  #touchTimer: Timer | null = null;
  #tick: Timer | null = null;
  #sweeping: Promise<void> = Promise.resolve();

  constructor(options: RedisPresenceStoreOptions, deps: RedisPresenceStoreDeps) {
    const { ttlMs, streamRules, isPubSubHere, nodeId } = options;
    this.#clock = deps.clock;
    this.#log = deps.log.with({ context: "broker", provider: "redis" });
    this.#ttls = new StreamMatcher(streamRules, (rule) => ttlOf(rule, ttlMs));
    this.#joined = new JoinedSessions(longestTtlMs(options));
    this.#commands = new PresenceCommands(
      { isPubSubHere, nodeId, ttlMs: (stream) => this.#ttls.settingsOf(stream) ?? ttlMs },
      { redis: deps.redis, pubsub: deps.pubsub, log: this.#log },
    );
  }

  async start(): Promise<void> {
    this.#schedule();
  }

  /** Sends the touches that wait; their answers are waited for by the connection's own stop. */
  async stop(_signal: AbortSignal): Promise<void> {
    this.#tick?.cancel();
    this.#tick = null;
    this.#touchTimer?.cancel();
    // It reports for itself.
    void this.#flushTouches();
  }

  async join(stream: string, sid: string, id: string, info: string): Promise<PresenceChange> {
    if (this.#ttls.settingsOf(stream) === null) return { ok: false, reason: "unsupported" };
    const membership = { id, info };
    const isIn = await this.#commands.join(stream, sid, membership);
    if (!isIn) return { ok: false, reason: "mismatch" };
    this.#joined.join(sid, stream, membership, this.#clock.now());
    return { ok: true };
  }

  async leave(stream: string, sid: string): Promise<PresenceChange> {
    if (this.#ttls.settingsOf(stream) === null) return { ok: false, reason: "unsupported" };
    // First, so that a touch under way does not join it again.
    this.#joined.leave(sid, stream);
    const wasThere = await this.#commands.leave(stream, sid);
    return wasThere ? { ok: true } : { ok: false, reason: "absent" };
  }

  async info(stream: string, withRecords: boolean): Promise<PresenceInfo | null> {
    if (this.#ttls.settingsOf(stream) === null) return null;
    return this.#commands.info(stream, withRecords);
  }

  /** Never rejects: a failure is told once for all sessions touched together. */
  touch(sid: string): Promise<void> {
    if (!this.#joined.touch(sid, this.#clock.now())) return Promise.resolve();
    this.#touched.add(sid);
    if (this.#touching === null) {
      this.#touching = Promise.withResolvers();
      this.#touchTimer = this.#clock.after(TOUCH_DELAY_MS, () => {
        // It reports for itself.
        void this.#flushTouches();
      });
    }
    return this.#touching.promise;
  }

  async #flushTouches(): Promise<void> {
    const [touched, touching] = [this.#touched, this.#touching];
    this.#touched = new Set();
    this.#touching = null;
    try {
      const streams = [...this.#joined.byStream(touched)];
      await Promise.all(streams.map(([stream, sids]) => this.#touchAll(stream, sids)));
    } catch (error) {
      this.#log.error("failed to touch presence", { error: errorText(error) });
    }
    touching?.resolve();
  }

  async #touchAll(stream: string, sids: readonly string[]): Promise<void> {
    for (let start = 0; start < sids.length; start += TOUCH_CHUNK) {
      const chunk = sids.slice(start, start + TOUCH_CHUNK);
      const missing = await this.#commands.touch(stream, chunk);
      await Promise.all(missing.map((sid) => this.#joinAgain(stream, sid)));
    }
  }

  async #joinAgain(stream: string, sid: string): Promise<void> {
    const membership = this.#joined.membership(sid, stream);
    if (membership === null) return;
    this.#log.debug("presence is joined again", { sid, stream });
    await this.#commands.join(stream, sid, membership);
    // It may have left while the join was on its way: the leave found nothing then.
    if (this.#joined.membership(sid, stream) === null) await this.#commands.leave(stream, sid);
  }

  #schedule(): void {
    this.#tick = this.#clock.after(SWEEP_EVERY_MS, () => {
      this.#joined.forgetGone(this.#clock.now());
      this.#sweeping = this.#sweeping.then(() => this.#sweep());
      this.#schedule();
    });
  }

  async #sweep(): Promise<void> {
    try {
      for (const stream of await this.#commands.takeDueStreams()) {
        let hasMore = true;
        while (hasMore) hasMore = await this.#commands.sweep(stream);
      }
    } catch (error) {
      // Redis being away is told by the link; the next tick tries again.
      this.#log.debug("failed to sweep presence", { error: errorText(error) });
    }
  }
}

function ttlOf(rule: StreamRule | null, ttlMs: number): number | null {
  if (rule?.presence === false) return null;
  return rule?.presenceTtlS === undefined ? ttlMs : rule.presenceTtlS * 1000;
}

function longestTtlMs({ ttlMs, streamRules }: RedisPresenceStoreOptions): number {
  const others = streamRules.map((rule) => (rule.presenceTtlS ?? 0) * 1000);
  return Math.max(ttlMs, ...others);
}
