import { afterAll, beforeAll } from "bun:test";
import { brokerContract } from "../../contracts/broker.ts";
import { sessionStoreContract } from "../../contracts/session-store.ts";
import { startNatsMemory } from "../../support/nats-memory.ts";
import { HAS_NATS, NatsServer } from "../../support/nats-server.ts";

let server: NatsServer;
beforeAll(async () => {
  if (HAS_NATS) server = await NatsServer.startJetStream();
});
afterAll(async () => {
  if (HAS_NATS) await server.stop();
});

brokerContract(
  "NATS",
  async (settings) => {
    const node = await startNatsMemory(server.url, settings);
    return {
      broker: node.broker,
      delivery: node.pubsub.delivery,
      nowS: () => Date.now() / 1000,
      elapse: (ms) => Bun.sleep(ms),
      stop: node.stop,
    };
  },
  HAS_NATS,
);

sessionStoreContract(
  "NATS",
  async ({ ttlMs }) => {
    const { sessions: store, stop } = await startNatsMemory(server.url, { sessionsTtlMs: ttlMs });
    return { store, elapse: (ms) => Bun.sleep(ms), stop };
  },
  HAS_NATS,
);
