import { presenceStoreContract } from "../../contracts/presence-store.ts";
import { startNatsPresence } from "../../support/nats-presence.ts";
import { HAS_NATS, NatsServer } from "../../support/nats-server.ts";

presenceStoreContract(
  "NATS",
  async (settings) => {
    // Its own server: on a shared one it would bury the members that other tests left behind.
    const server = await NatsServer.startJetStream();
    const { store, pubsub, stop } = await startNatsPresence(server.url, settings);
    return {
      store,
      delivery: pubsub.delivery,
      listen: (stream) => pubsub.subscribe(stream),
      elapse: (ms) => Bun.sleep(ms),
      stop: async () => {
        await stop();
        await server.stop();
      },
    };
  },
  HAS_NATS,
);
