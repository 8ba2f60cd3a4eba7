import type { ServerBack } from "../clients/nats/link.ts";
import type { Broker } from "../ports/broker.ts";
import type { Clock } from "../ports/clock.ts";
import type { Delivery } from "../ports/delivery.ts";
import type { Log } from "../ports/log.ts";
import type { PresenceStore } from "../ports/presence-store.ts";
import type { PubSub } from "../ports/pubsub.ts";
import type { Service } from "../ports/service.ts";
import type { SessionStore } from "../ports/session-store.ts";

/** Where what nodes tell each other passes on its way to the clients. */
export interface Incoming extends Delivery {
  /** Pub/sub has a fresh connection, over which nothing has come yet. Only where order does not tell what is missing. */
  reconnected?(): void;
  /** Pub/sub is connected again: publications may have been missed. */
  returned(): Promise<void>;
}

/** What is remembered, and what has to be started for it, in order. */
export interface Memory {
  readonly broker: Broker;
  /** Null when sessions are not remembered. */
  readonly sessionStore: SessionStore | null;
  readonly presence: PresenceStore;
  /** Not given: what arrives by pub/sub goes straight to the node. */
  readonly incoming?: Incoming;
  readonly services: readonly Service[];
}

/** What brokers and stores need of the process. */
export interface MemoryDeps {
  readonly pubsub: PubSub;
  /** The node. */
  readonly delivery: Delivery;
  readonly clock: Clock;
  readonly log: Log;
  readonly randomId: (length: number) => string;
  /** The process should end with this message. */
  readonly onFatal: (message: string) => void;
  readonly onServerBack?: ServerBack;
}
