import { pubsubContract } from "../contracts/pubsub.ts";
import { RecordingPubSub } from "./recording-pubsub.ts";

pubsubContract(
  "recording fake",
  { isFiltering: false, commandChannel: null, isAvailable: true },
  async () => {
    const pubsub = new RecordingPubSub();
    return { nodes: [{ pubsub, delivery: pubsub.delivery }], stop: async () => undefined };
  },
);
