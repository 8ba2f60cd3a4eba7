import { createRandomId } from "../../src/app/random-id.ts";
import { JetStream } from "../../src/clients/nats/jetstream.ts";
import { NatsLink } from "../../src/clients/nats/link.ts";
import { JetStreamReadiness } from "../../src/clients/nats/readiness.ts";
import { NatsPresenceStore, type NatsPresenceStoreOptions } from "../../src/presence/nats/store.ts";
import { FakeLog } from "./fake-log.ts";
import { CLOCK, PATIENTLY } from "./nats-server.ts";
import { RecordingPubSub } from "./recording-pubsub.ts";

/** The presence store of one node, on a connection of its own; `pubsub` has the events that this node has published. */
export interface NatsPresenceNode {
  readonly store: NatsPresenceStore;
  readonly pubsub: RecordingPubSub;
  readonly log: FakeLog;
  /** Ends in good order. */
  stop(): Promise<void>;
  /** Cuts the connection, as a crash of the node does. */
  crash(): Promise<void>;
}

/** Starts a node and waits for JetStream. */
export async function startNatsPresence(
  url: string,
  given: Partial<NatsPresenceStoreOptions> = {},
): Promise<NatsPresenceNode> {
  const [log, pubsub] = [new FakeLog(), new RecordingPubSub()];
  const common = { clock: CLOCK, random: () => 0, log, onFatal: () => undefined };
  const options = { name: "NATS broker", isOrdered: true, maxReconnectAttempts: -1 };
  const link = new NatsLink({ ...options, servers: url.split(",") }, common);
  const jetstream = new JetStream({ link });
  const readiness = new JetStreamReadiness({ ...common, link });
  const store = new NatsPresenceStore(
    { ttlMs: 2000, streamRules: [], replicas: 1, ...given },
    { ...common, link, jetstream, readiness, pubsub, randomId: createRandomId() },
  );
  const services = [link, store, readiness];
  for (const service of services) await service.start();
  await readiness.wait();
  const stop = async () => {
    for (const service of services.toReversed()) await service.stop(PATIENTLY);
  };
  const crash = () => link.stop(AbortSignal.abort());
  return { store, pubsub, log, stop, crash };
}
