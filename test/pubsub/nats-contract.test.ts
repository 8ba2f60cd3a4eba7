import { NatsPubSub } from "../../src/pubsub/nats.ts";
import { pubsubContract } from "../contracts/pubsub.ts";
import { FakeLog } from "../support/fake-log.ts";
import { CLOCK, HAS_NATS, NatsServer, PATIENTLY } from "../support/nats-server.ts";
import { RecordingDelivery } from "../support/recording-delivery.ts";

const CHANNEL = "__anycable_internal__";

pubsubContract(
  "NATS",
  { isFiltering: true, commandChannel: CHANNEL, isAvailable: HAS_NATS },
  async () => {
    const server = await NatsServer.start();
    const createNode = async () => {
      const delivery = new RecordingDelivery();
      const pubsub = new NatsPubSub(
        { servers: [server.url], isOrdered: true, maxReconnectAttempts: 5, channel: CHANNEL },
        { delivery, clock: CLOCK, random: () => 0, log: new FakeLog(), onFatal: () => undefined },
      );
      await pubsub.start();
      return { pubsub, delivery };
    };
    const nodes = [await createNode(), await createNode()] as const;
    return {
      nodes,
      stop: async () => {
        await Promise.all(nodes.map(({ pubsub }) => pubsub.stop(PATIENTLY)));
        await server.stop();
      },
    };
  },
);
