import type { JetStream } from "../../clients/nats/jetstream.ts";
import { KeyedTurns } from "../../clients/nats/keyed-turns.ts";
import type { NatsLink } from "../../clients/nats/link.ts";
import { isUnheard } from "../../clients/nats/nats-error.ts";
import type { JetStreamReadiness } from "../../clients/nats/readiness.ts";
import { SharedReads } from "../../clients/nats/shared-reads.ts";
import { joinEvent, leaveEvent } from "../../messages/presence-event.ts";
import type { Publication } from "../../messages/publication.ts";
import type { PresenceInfo } from "../../messages/reply.ts";
import { errorText } from "../../messages/server-error.ts";
import { StreamMatcher } from "../../messages/stream-matcher.ts";
import type { StreamRule } from "../../messages/stream-rules.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { PresenceChange, PresenceStore } from "../../ports/presence-store.ts";
import type { PubSub } from "../../ports/pubsub.ts";
import type { Service } from "../../ports/service.ts";
import { PresenceLeases } from "../presence-leases.ts";
import { NodeHeartbeats } from "./heartbeats.ts";
import { type LocalMember, LocalMembers } from "./local-members.ts";
import type { PresenceRecordEntry } from "./presence-record.ts";
import { PresenceRecords } from "./presence-records.ts";
import { Sweeper } from "./sweeper.ts";

/** How long a session's records outlive its last touch; the first rule that matches a stream overrides it. */
export interface NatsPresenceStoreOptions {
  readonly ttlMs: number;
  readonly streamRules: readonly StreamRule[];
  readonly replicas: number;
}

/**
 * Events go out through `pubsub`. `link` and `readiness` are started and stopped by whoever made them, `readiness` after
 * this store. `randomId` gives an unguessable text; it is asked once, for the name of this node.
 */
export interface NatsPresenceStoreDeps {
  readonly link: NatsLink;
  readonly jetstream: JetStream;
  readonly readiness: JetStreamReadiness;
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly random: () => number;
  readonly randomId: (length: number) => string;
  readonly log: Log;
}

const NODE_LENGTH = 10;
const TICK_MS = 1000;
const AT_ONCE = 16;

/**
 * Presence of all nodes in NATS JetStream. Sessions are known to their node only; what nodes share is which members are on
 * which node, so JetStream is written to when a node's first session of a member comes or its last one goes.
 * Each transition is made by exactly one node, which publishes its event once; an event can be lost when that node dies in
 * between. Members of a dead node leave a little after their time to live. Source: docs/nats.md, "Presence".
 */
export class NatsPresenceStore implements PresenceStore, Service {
  readonly name = "NATS presence store";
  readonly #deps: NatsPresenceStoreDeps;
  readonly #node: string;
  readonly #log: Log;
  readonly #ttls: StreamMatcher<number | null>;
  readonly #local = new LocalMembers();
  readonly #leases = new PresenceLeases();
  readonly #records: PresenceRecords;
  readonly #turns = new KeyedTurns();
  readonly #reads = new SharedReads<readonly PresenceRecordEntry[]>();
  readonly #heartbeats: NodeHeartbeats;
  readonly #sweeper: Sweeper;
  /** What this node has written, by member; null: nobody knows what became of it. */
  readonly #written = new Map<string, string | null>();
  /** Members whose record may not be as it should. */
  readonly #dirty = new Map<string, LocalMember>();
  #mustOpen = false;
  #isMending = false;
  #refreshAtMs = Number.POSITIVE_INFINITY;
  #tick: Timer | null = null;
  #unwatch: (() => void) | null = null;

  constructor(options: NatsPresenceStoreOptions, deps: NatsPresenceStoreDeps) {
    const { clock, link } = deps;
    const log = deps.log.with({ context: "broker", provider: "nats" });
    const ttlMs = shortestTtlMs(options);
    this.#deps = deps;
    this.#log = log;
    this.#node = deps.randomId(NODE_LENGTH);
    this.#ttls = new StreamMatcher(options.streamRules, (rule) => ttlOf(rule, options.ttlMs));
    this.#records = new PresenceRecords(options, { ...deps, log });
    this.#heartbeats = new NodeHeartbeats({ node: this.#node, ttlMs }, { link, clock, log });
    this.#sweeper = new Sweeper(
      { node: this.#node, ttlMs },
      {
        clock,
        random: deps.random,
        heartbeats: this.#heartbeats,
        list: () => this.#records.all(),
        drop: (member) => this.#drop(member),
        isKnown: (member) => this.#local.infoOf(member) !== null,
        disown: (member) => this.#disown(member),
      },
    );
    deps.readiness.add(() => this.#records.open());
  }

  async start(): Promise<void> {
    this.#unwatch = this.#deps.link.watch((isUp) => {
      if (isUp) this.#resume();
    });
    this.#heartbeats.start();
    this.#sweeper.restart();
    this.#scheduleRefresh();
    this.#schedule();
  }

  /** Records stay: clients that go to another node within their time to live do not leave in between. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#tick?.cancel();
    this.#tick = null;
    this.#unwatch?.();
    this.#heartbeats.stop();
    await this.#turns.settle(signal);
  }

  async join(stream: string, sid: string, id: string, info: string): Promise<PresenceChange> {
    const ttlMs = this.#ttls.settingsOf(stream);
    if (ttlMs === null) return { ok: false, reason: "unsupported" };
    await this.#deps.readiness.wait();
    const isNew = !this.#local.has(stream, sid);
    if (this.#local.join(stream, sid, id, info) === "mismatch") {
      return { ok: false, reason: "mismatch" };
    }
    this.#leases.add(sid, stream, ttlMs, this.#deps.clock.now());
    try {
      await this.#reconcile({ stream, id });
    } catch (error) {
      if (isNew) this.#takeBack(stream, sid, ttlMs);
      throw error;
    }
    return { ok: true };
  }

  /** The session has left when this returns; a record that cannot be changed now is changed later. */
  async leave(stream: string, sid: string): Promise<PresenceChange> {
    const ttlMs = this.#ttls.settingsOf(stream);
    if (ttlMs === null) return { ok: false, reason: "unsupported" };
    if (!this.#local.has(stream, sid)) return { ok: false, reason: "absent" };
    this.#leases.remove(sid, stream, ttlMs);
    await this.#remove(stream, sid);
    return { ok: true };
  }

  async info(stream: string, withRecords: boolean): Promise<PresenceInfo | null> {
    if (this.#ttls.settingsOf(stream) === null) return null;
    await this.#deps.readiness.wait();
    const members = await this.#reads.get(stream, () => this.#records.list(stream));
    const records = withRecords ? members.map(({ id, info }) => ({ id, info })) : [];
    return { total: members.length, records };
  }

  async touch(sid: string): Promise<void> {
    this.#leases.touch(sid, this.#deps.clock.now());
  }

  #takeBack(stream: string, sid: string, ttlMs: number): void {
    this.#local.leave(stream, sid);
    this.#leases.remove(sid, stream, ttlMs);
  }

  async #remove(stream: string, sid: string): Promise<void> {
    const id = this.#local.leave(stream, sid);
    if (id === null) return;
    try {
      await this.#reconcile({ stream, id });
    } catch (error) {
      this.#log.debug("a member's record will be changed later", {
        stream,
        error: errorText(error),
      });
    }
  }

  /** Makes the record of a member say what is true on this node, in turn with whatever else is done to it. */
  #reconcile(member: LocalMember): Promise<void> {
    const key = keyOf(member);
    return this.#turns.run(key, async () => {
      try {
        await (this.#local.infoOf(member) === null ? this.#detach(member) : this.#attach(member));
        this.#dirty.delete(key);
      } catch (error) {
        this.#dirty.set(key, member);
        // Perhaps the bucket is gone, and with it what was written of the others.
        this.#mustOpen ||= isUnheard(error);
        throw error;
      }
    });
  }

  async #attach(member: LocalMember): Promise<void> {
    const { stream, id } = member;
    const info = this.#local.infoOf(member) ?? "";
    const ttlMs = this.#ttls.settingsOf(stream) ?? 0;
    const key = keyOf(member);
    if (this.#written.get(key) === info) return;
    this.#written.set(key, null);
    const whereabouts = { node: this.#node, ttlMs };
    const effect = await this.#records.attach(stream, id, info, whereabouts);
    this.#written.set(key, info);
    if (effect === "arrived") await this.#announce(joinEvent(stream, id, info));
  }

  async #detach(member: LocalMember): Promise<void> {
    const { stream, id } = member;
    const key = keyOf(member);
    if (!this.#written.has(key)) return;
    const effect = await this.#records.detach(stream, id, ({ node }) => node === this.#node);
    this.#written.delete(key);
    if (effect === "left") await this.#announce(leaveEvent(stream, id));
  }

  /** Takes dead nodes out of a record. */
  #drop(member: LocalMember): Promise<void> {
    const { stream, id } = member;
    return this.#turns.run(keyOf(member), async () => {
      const effect = await this.#records.detach(stream, id, ({ node, ttlMs }) =>
        this.#heartbeats.isGone(node, ttlMs),
      );
      if (effect === "left") await this.#announce(leaveEvent(stream, id));
    });
  }

  /** A record names this node, which knows nothing of it. */
  #disown(member: LocalMember): void {
    const key = keyOf(member);
    if (this.#written.has(key)) return;
    this.#written.set(key, null);
    this.#dirty.set(key, member);
  }

  async #announce(event: Publication): Promise<void> {
    try {
      await this.#deps.pubsub.publish(event);
    } catch (error) {
      const attributes = { stream: event.stream, error: errorText(error) };
      this.#log.error("failed to publish presence event", attributes);
    }
  }

  /** The connection is back: others may have taken this node for dead, JetStream may have lost all. */
  #resume(): void {
    this.#heartbeats.restart();
    this.#sweeper.restart();
    this.#mustOpen = true;
    this.#spoil();
  }

  /** Everything is to be written again. */
  #spoil(): void {
    for (const member of this.#local) {
      this.#written.set(keyOf(member), null);
      this.#dirty.set(keyOf(member), member);
    }
    this.#scheduleRefresh();
  }

  #scheduleRefresh(): void {
    this.#refreshAtMs = this.#deps.clock.now() + this.#records.ttlMs / 3;
  }

  #schedule(): void {
    const delayMs = Math.min(TICK_MS, this.#heartbeats.intervalMs);
    this.#tick = this.#deps.clock.after(delayMs, () => {
      this.#schedule();
      this.#work();
    });
  }

  #work(): void {
    const nowMs = this.#deps.clock.now();
    this.#heartbeats.beat();
    for (const [sid, stream] of this.#leases.takeExpired(nowMs)) {
      // Reports for itself; the tick must not wait for the network.
      void this.#remove(stream, sid);
    }
    if (nowMs >= this.#refreshAtMs) this.#spoil();
    if (!this.#isMending && this.#deps.readiness.isReady) void this.#mend();
  }

  async #mend(): Promise<void> {
    this.#isMending = true;
    try {
      if (this.#mustOpen && !(await this.#records.open())) this.#spoil();
      this.#mustOpen = false;
      const members = [...this.#dirty.values()];
      for (let start = 0; start < members.length; start += AT_ONCE) {
        const batch = members.slice(start, start + AT_ONCE);
        await Promise.all(batch.map((member) => this.#reconcile(member)));
      }
      await this.#sweeper.sweepIfDue();
    } catch (error) {
      this.#log.debug("presence cannot be mended yet", { error: errorText(error) });
    } finally {
      this.#isMending = false;
    }
  }
}

function ttlOf(rule: StreamRule | null, ttlMs: number): number | null {
  if (rule?.presence === false) return null;
  return rule?.presenceTtlS === undefined ? ttlMs : rule.presenceTtlS * 1000;
}

function shortestTtlMs({ streamRules, ttlMs }: NatsPresenceStoreOptions): number {
  const ttls = streamRules.map((rule) => ttlOf(rule, ttlMs)).filter((each) => each !== null);
  return Math.min(ttlMs, ...ttls);
}

function keyOf({ stream, id }: LocalMember): string {
  return JSON.stringify([stream, id]);
}
