import { MemoryBroker } from "../broker/memory.ts";
import { MemorySessionStore } from "../broker/memory-sessions.ts";
import { NullBroker } from "../broker/null.ts";
import type { Settings } from "../config/settings.ts";
import type { Broker } from "../ports/broker.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { PresenceStore } from "../ports/presence-store.ts";
import type { PubSub } from "../ports/pubsub.ts";
import type { Service } from "../ports/service.ts";
import type { SessionStore } from "../ports/session-store.ts";
import { MemoryPresenceStore } from "../presence/memory.ts";
import { NullPresenceStore } from "../presence/null.ts";

/** What is remembered, and what has to be started for it, in order. */
export interface Memory {
  readonly broker: Broker;
  /** Null when sessions are not remembered. */
  readonly sessionStore: SessionStore | null;
  readonly presence: PresenceStore;
  readonly services: readonly Service[];
}

/** Sessions kept for their clients' return, at most: beyond it, the oldest are forgotten. */
const MAX_SESSIONS = 1_000_000;

/** Chooses broker, session store and presence store. */
export function createMemory(
  { broker: options }: Settings,
  deps: {
    readonly pubsub: PubSub;
    readonly clock: Clock;
    readonly log: Log;
    readonly randomId: (length: number) => string;
  },
): Memory {
  if (options.adapter === "none") {
    const broker = new NullBroker(deps);
    return { broker, sessionStore: null, presence: new NullPresenceStore(), services: [broker] };
  }
  const { historyLimit, historyTtlS, sessionsTtlS, presenceTtlS, streamRules } = options;
  const broker = new MemoryBroker(
    { historyLimit, historyTtlS, sessionsTtlS, presenceTtlS, streamRules },
    deps,
  );
  const sessionStore = new MemorySessionStore(
    { ttlMs: sessionsTtlS * 1000, maxSessions: MAX_SESSIONS },
    deps,
  );
  const presence = new MemoryPresenceStore({ ttlMs: presenceTtlS * 1000, streamRules }, deps);
  return { broker, sessionStore, presence, services: [broker, sessionStore, presence] };
}
