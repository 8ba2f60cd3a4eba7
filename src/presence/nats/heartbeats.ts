import type { NatsLink } from "../../clients/nats/link.ts";
import type { NatsSubscription } from "../../clients/nats/subscription.ts";
import { errorText } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";

/** `ttlMs`: the shortest time after which a silent node's members are gone. */
export interface HeartbeatOptions {
  readonly node: string;
  readonly ttlMs: number;
}

/** The connection that nodes hear each other on. */
export interface HeartbeatDeps {
  readonly link: Pick<NatsLink, "publish" | "subscribe" | "isUp">;
  readonly clock: Clock;
  readonly log: Log;
}

const SUBJECT = "_anycable_presence_.alive";
/** Whatever else comes there is not from a node: it must not fill the memory. */
const NODE_NAME = /^[-_0-9A-Za-z]{1,32}$/;
const MIN_INTERVAL_MS = 200;
const MAX_INTERVAL_MS = 5000;
const MISSED = 3;

/**
 * Which nodes are alive: each says so several times within the shortest time to live. Silence is counted by this node's
 * clock, and only while it hears at all: after a lost connection everybody gets a new start.
 */
export class NodeHeartbeats {
  readonly #node: string;
  /** How often this node says so. */
  readonly intervalMs: number;
  readonly #link: HeartbeatDeps["link"];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #heardAtMs = new Map<string, number>();
  #listeningSinceMs = 0;
  #saidAtMs = Number.NEGATIVE_INFINITY;
  #subscription: NatsSubscription | null = null;

  constructor({ node, ttlMs }: HeartbeatOptions, deps: HeartbeatDeps) {
    this.#node = node;
    this.intervalMs = Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, ttlMs / MISSED));
    this.#link = deps.link;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  start(): void {
    this.#subscription = this.#link.subscribe(SUBJECT, (message) => {
      const node = message.string();
      if (NODE_NAME.test(node)) this.#heardAtMs.set(node, this.#clock.now());
    });
    this.restart();
  }

  stop(): void {
    this.#subscription?.close();
  }

  /** There is a fresh connection: what was not heard before says nothing. */
  restart(): void {
    this.#heardAtMs.clear();
    this.#listeningSinceMs = this.#clock.now();
    this.#saidAtMs = Number.NEGATIVE_INFINITY;
    this.beat();
  }

  /** Says "alive" when it is time. */
  beat(): void {
    const nowMs = this.#clock.now();
    if (!this.#link.isUp || nowMs - this.#saidAtMs < this.intervalMs) return;
    try {
      this.#link.publish(SUBJECT, this.#node);
      this.#saidAtMs = nowMs;
    } catch (error) {
      this.#log.debug("failed to say that this node is alive", { error: errorText(error) });
    }
  }

  /** How long nothing was heard of a node; 0 for this one, and while nothing can be heard. */
  silenceMs(node: string): number {
    if (node === this.#node || !this.#link.isUp) return 0;
    const heardAtMs = this.#heardAtMs.get(node) ?? this.#listeningSinceMs;
    return this.#clock.now() - heardAtMs;
  }

  /** True when members of that node with this time to live are gone. */
  isGone(node: string, ttlMs: number): boolean {
    return this.silenceMs(node) >= this.patienceMs(ttlMs);
  }

  /** How long a node may be silent before its members with this time to live are gone. */
  patienceMs(ttlMs: number): number {
    return Math.max(ttlMs, MISSED * this.intervalMs);
  }

  /** Nodes heard of, dead ones included until `forget`. */
  get nodes(): readonly string[] {
    return [...this.#heardAtMs.keys()];
  }

  forget(node: string): void {
    this.#heardAtMs.delete(node);
  }
}
