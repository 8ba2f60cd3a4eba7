import { expect, test } from "bun:test";
import { NodeHeartbeats } from "../../../src/presence/nats/heartbeats.ts";
import { CLOCK, HAS_NATS, NatsServer, natsLink, natsTitle } from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";

test.skipIf(!HAS_NATS)(
  natsTitle("NodeHeartbeats hears nodes and nothing else that comes on their subject"),
  async () => {
    const nats = await NatsServer.start();
    const { link, log } = natsLink([nats.url]);
    await link.start();
    const heartbeats = new NodeHeartbeats(
      { node: "a-node_001", ttlMs: 15_000 },
      { link, clock: CLOCK, log },
    );
    heartbeats.start();

    for (const text of ["", "not a node", '{"stream":"x"}', "x".repeat(33), "b-node_002"]) {
      link.publish("_anycable_presence_.alive", text);
    }

    await until("the other node", () => heartbeats.nodes.includes("b-node_002"));
    expect(heartbeats.nodes).toEqual(["a-node_001", "b-node_002"]);
    heartbeats.stop();
    await link.stop(AbortSignal.abort());
    await nats.stop();
  },
);
