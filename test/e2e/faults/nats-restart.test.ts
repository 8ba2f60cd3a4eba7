import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { Follower } from "../../support/follower.ts";
import { Forwarder } from "../../support/forwarder.ts";
import { HttpProducers } from "../../support/http-producers.ts";
import { HAS_NATS, NatsServer, natsTitle } from "../../support/nats-server.ts";
import { freePort } from "../../support/redis-server.ts";
import { printTally, tally } from "../../support/tally.ts";
import { until } from "../../support/until.ts";

setDefaultTimeout(90_000);

const NATS = ["--public", "--norpc", "--broker=nats", "--pubsub=nats", "--history_limit=10000"];
/** The second one is longer than the first pause between two tries: connections come back at different times. */
const OUTAGES_MS = [100, 800, 100] as const;

async function node(url: string): Promise<Cableway> {
  const server = await Cableway.start([...NATS, `--nats_servers=${url}`]);
  await server.logged("NATS broker is ready", 25_000);
  return server;
}

/** What connected clients got of what was acknowledged, and of what may have been stored all the same. */
async function expectWhole(
  what: string,
  producers: HttpProducers,
  followers: readonly Follower[],
): Promise<void> {
  for (const [index, follower] of followers.entries()) {
    await follower.hasTaken(producers.acknowledged, 30_000);
    const result = tally(producers.acknowledged, follower.taken, producers.unknown);
    printTally(`${what}, client ${index + 1}`, result);
    expect(result).toMatchObject({ missing: [], doubled: [] });
    expect({ repeated: follower.repeated, arrivals: follower.arrivals }).toEqual({
      repeated: 0,
      arrivals: 1,
    });
  }
}

describe.skipIf(!HAS_NATS)(natsTitle("Connected clients, with history in NATS"), () => {
  test("Clients of two nodes miss nothing and get nothing twice when NATS is killed under load", async () => {
    const nats = await NatsServer.startJetStream();
    await using _stopped = { [Symbol.asyncDispose]: () => nats.stop() };
    await using first = await node(nats.url);
    await using second = await node(nats.url);
    await using a = await Follower.start("chat/1", () => first);
    await using b = await Follower.start("chat/1", () => second);
    await using producers = new HttpProducers("chat/1", [first, second]);

    for (const outageMs of OUTAGES_MS) {
      await Bun.sleep(400);
      await nats.kill();
      await Bun.sleep(outageMs);
      const before = producers.acknowledged.length;
      await nats.start();
      const areTaken = () => producers.acknowledged.length > before + 100;
      await until("publications are taken again", areTaken, 30_000);
    }
    await producers.stop();

    await expectWhole("NATS killed 3 times, two nodes", producers, [a, b]);
  });

  test("Clients miss nothing and get nothing twice when their node is off the network under load", async () => {
    const nats = await NatsServer.startJetStream();
    await using _stopped = { [Symbol.asyncDispose]: () => nats.stop() };
    await using network = await Forwarder.start(nats.port);
    await using first = await node(`nats://127.0.0.1:${network.port}`);
    await using second = await node(nats.url);
    await using a = await Follower.start("chat/1", () => first);
    await using b = await Follower.start("chat/1", () => second);
    await using producers = new HttpProducers("chat/1", [second, second]);

    for (const outageMs of OUTAGES_MS) {
      await Bun.sleep(400);
      network.redirect(await freePort());
      await Bun.sleep(outageMs);
      network.redirect(nats.port);
      await a.hasTaken([...producers.acknowledged], 20_000);
    }
    await Bun.sleep(400);
    await producers.stop();

    await expectWhole("a node off the network 3 times", producers, [a, b]);
  });
});
