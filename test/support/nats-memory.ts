import { createRandomId } from "../../src/app/random-id.ts";
import { NatsBroker, type NatsBrokerOptions } from "../../src/broker/nats/broker.ts";
import { NatsSessionStore } from "../../src/broker/nats/sessions.ts";
import { JetStream } from "../../src/clients/nats/jetstream.ts";
import { NatsLink } from "../../src/clients/nats/link.ts";
import { JetStreamReadiness } from "../../src/clients/nats/readiness.ts";
import type { SessionStore } from "../../src/ports/session-store.ts";
import { FakeLog } from "./fake-log.ts";
import { CLOCK, PATIENTLY } from "./nats-server.ts";
import { RecordingPubSub } from "./recording-pubsub.ts";

/** Broker and session store of one node, on a connection of their own. */
export interface NatsMemoryNode {
  readonly broker: NatsBroker;
  readonly sessions: SessionStore;
  readonly pubsub: RecordingPubSub;
  readonly log: FakeLog;
  readonly fatal: readonly string[];
  stop(): Promise<void>;
}

/** How a node is made; what is not given is as by default. */
export interface NatsMemoryOptions extends Partial<NatsBrokerOptions> {
  readonly sessionsTtlMs?: number;
}

/** Starts a node; JetStream gets ready in the background. */
export async function startNatsMemory(
  url: string,
  given: NatsMemoryOptions = {},
): Promise<NatsMemoryNode> {
  const [log, pubsub] = [new FakeLog(), new RecordingPubSub()];
  const fatal: string[] = [];
  const common = {
    clock: CLOCK,
    random: () => 0,
    log,
    onFatal: (message: string) => void fatal.push(message),
  };
  const link = new NatsLink(
    { name: "NATS broker", servers: url.split(","), isOrdered: true, maxReconnectAttempts: -1 },
    common,
  );
  const jetstream = new JetStream({ link });
  const readiness = new JetStreamReadiness({ ...common, link });
  const replicas = given.replicas ?? 1;
  const broker = new NatsBroker(
    { historyLimit: 100, historyTtlS: 300, sessionsTtlS: 300, streamRules: [], replicas, ...given },
    { ...common, link, jetstream, readiness, pubsub, randomId: createRandomId() },
  );
  const ttlMs = given.sessionsTtlMs ?? 300_000;
  const sessions = new NatsSessionStore({ ttlMs, replicas }, { ...common, jetstream, readiness });
  const services = [link, broker, sessions, readiness];
  for (const service of services) await service.start();
  const stop = async () => {
    for (const service of services.toReversed()) await service.stop(PATIENTLY);
  };
  return { broker, sessions, pubsub, log, fatal, stop };
}

/** The epoch a node has told it uses. */
export function epochOf({ log }: NatsMemoryNode): string {
  const line = log.records.findLast(({ attributes }) => "epoch" in attributes);
  return String(line?.attributes["epoch"] ?? "");
}
