import { NatsBroker } from "../broker/nats/broker.ts";
import { NatsGapFiller, type StoredMemory } from "../broker/nats/gap-filler.ts";
import { NatsSessionStore } from "../broker/nats/sessions.ts";
import { JetStream } from "../clients/nats/jetstream.ts";
import { NatsLink } from "../clients/nats/link.ts";
import { JetStreamReadiness } from "../clients/nats/readiness.ts";
import type { Settings } from "../config/settings.ts";
import { NatsPresenceStore } from "../presence/nats/store.ts";
import type { Memory, MemoryDeps } from "./memory.ts";

/** History, sessions and presence in NATS JetStream, over one connection. @throws {ServerError} for an unusable address */
export function createNatsMemory(settings: Settings, deps: MemoryDeps): Memory {
  const { broker: options, nats, pubsub } = settings;
  const { historyLimit, historyTtlS, sessionsTtlS, presenceTtlS, streamRules } = options;
  const replicas = options.natsReplicas;
  const random = Math.random;
  const log = deps.log.with({ context: "broker", provider: "nats" });
  const link = new NatsLink({ name: "NATS broker", ...nats }, { ...deps, log, random });
  const jetstream = new JetStream({ link });
  const readiness = new JetStreamReadiness({ ...deps, random, log, link });
  const memory: StoredMemory = {
    end: (stream) => broker.end(stream),
    copy: (stream) => broker.copy(stream),
  };
  const gaps = pubsub.adapter === "none" ? null : new NatsGapFiller({ ...deps, memory });
  // It reports for itself.
  link.watch((isUp) => void (isUp && gaps?.returned()));
  const watched = gaps?.watch(deps.pubsub) ?? deps.pubsub;
  const shared = { ...deps, pubsub: watched, random, link, jetstream, readiness };
  const limits = { historyLimit, historyTtlS, sessionsTtlS, streamRules, replicas };
  const broker: NatsBroker = new NatsBroker(limits, shared);
  const sessionStore =
    sessionsTtlS > 0
      ? new NatsSessionStore({ ttlMs: sessionsTtlS * 1000, replicas }, shared)
      : null;
  const presence = new NatsPresenceStore(
    { ttlMs: presenceTtlS * 1000, streamRules, replicas },
    shared,
  );
  const stores = sessionStore === null ? [presence] : [sessionStore, presence];
  return {
    broker,
    sessionStore,
    presence,
    services: [link, broker, ...stores, readiness],
    ...(gaps === null ? {} : { incoming: gaps }),
  };
}
