import { expect, test } from "bun:test";
import { LocalPubSub } from "../../src/pubsub/local.ts";
import { pubsubContract } from "../contracts/pubsub.ts";
import { publication } from "../support/publications.ts";
import { RecordingDelivery } from "../support/recording-delivery.ts";

pubsubContract(
  "local",
  { isFiltering: false, commandChannel: null, isAvailable: true },
  async () => {
    const delivery = new RecordingDelivery();
    const pubsub = new LocalPubSub({ delivery });
    return { nodes: [{ pubsub, delivery }], stop: async () => undefined };
  },
);

test("LocalPubSub delivers publications and commands before it returns", () => {
  const delivery = new RecordingDelivery();
  const pubsub = new LocalPubSub({ delivery });

  const published = pubsub.publish(publication("a", "1"));
  const commanded = pubsub.command({ command: "foo", payload: null });

  expect(delivery.publications).toEqual([publication("a", "1")]);
  expect(delivery.commands).toEqual([{ command: "foo", payload: null }]);
  return Promise.all([published, commanded]);
});
