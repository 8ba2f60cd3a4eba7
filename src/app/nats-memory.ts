import { NatsBroker } from "../broker/nats/broker.ts";
import { NatsSessionStore } from "../broker/nats/sessions.ts";
import { JetStream } from "../clients/nats/jetstream.ts";
import { NatsLink } from "../clients/nats/link.ts";
import { JetStreamReadiness } from "../clients/nats/readiness.ts";
import type { Settings } from "../config/settings.ts";
import { NullPresenceStore } from "../presence/null.ts";
import type { Memory, MemoryDeps } from "./memory.ts";

/** History and sessions in NATS JetStream, over one connection. @throws {ServerError} for an unusable address */
export function createNatsMemory({ broker: options, nats }: Settings, deps: MemoryDeps): Memory {
  const { historyLimit, historyTtlS, sessionsTtlS, streamRules, natsReplicas: replicas } = options;
  const random = Math.random;
  const log = deps.log.with({ context: "broker", provider: "nats" });
  const link = new NatsLink({ name: "NATS broker", ...nats }, { ...deps, log, random });
  const jetstream = new JetStream({ link });
  const readiness = new JetStreamReadiness({ ...deps, random, log, link });
  const shared = { ...deps, link, jetstream, readiness };
  const limits = { historyLimit, historyTtlS, sessionsTtlS, streamRules, replicas };
  const broker = new NatsBroker(limits, shared);
  const sessionStore =
    sessionsTtlS > 0
      ? new NatsSessionStore({ ttlMs: sessionsTtlS * 1000, replicas }, shared)
      : null;
  const stores = sessionStore === null ? [] : [sessionStore];
  return {
    broker,
    sessionStore,
    presence: new NullPresenceStore(),
    services: [link, broker, ...stores, readiness],
  };
}
