import type { Broker } from "../ports/broker.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { PresenceStore } from "../ports/presence-store.ts";
import type { PubSub } from "../ports/pubsub.ts";
import type { Service } from "../ports/service.ts";
import type { SessionStore } from "../ports/session-store.ts";

/** What is remembered, and what has to be started for it, in order. */
export interface Memory {
  readonly broker: Broker;
  /** Null when sessions are not remembered. */
  readonly sessionStore: SessionStore | null;
  readonly presence: PresenceStore;
  readonly services: readonly Service[];
}

/** What brokers and stores need of the process. */
export interface MemoryDeps {
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly log: Log;
  readonly randomId: (length: number) => string;
  /** The process should end with this message. */
  readonly onFatal: (message: string) => void;
}
