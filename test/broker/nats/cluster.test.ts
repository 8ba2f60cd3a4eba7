import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Publication } from "../../../src/messages/publication.ts";
import { epochOf, type NatsMemoryNode, startNatsMemory } from "../../support/nats-memory.ts";
import { codeOf, HAS_NATS, NatsServer, natsTitle } from "../../support/nats-server.ts";
import { publication } from "../../support/publications.ts";
import { until } from "../../support/until.ts";

describe.skipIf(!HAS_NATS)(natsTitle("NatsBroker on a cluster of three"), () => {
  let servers: readonly NatsServer[] = [];
  let nodes: readonly NatsMemoryNode[] = [];
  beforeAll(async () => {
    servers = await NatsServer.startCluster();
    const urls = servers.map(({ url }) => url);
    nodes = await Promise.all([
      startNatsMemory(urls.join(","), { replicas: 3 }),
      startNatsMemory(urls.toReversed().join(","), { replicas: 3 }),
    ]);
    const isReady = ({ log }: NatsMemoryNode) =>
      log.messages("info").includes("NATS broker is ready");
    await until("both nodes are ready", () => nodes.every(isReady), 30_000);
  }, 40_000);
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await Promise.all(servers.map((server) => server.stop()));
  });

  test("NatsBroker with three replicas loses no message and no position when one server dies", async () => {
    const [a, b] = nodes;
    if (a === undefined || b === undefined) throw new Error("two nodes are needed");
    const epoch = epochOf(a);
    const taken: string[] = [];
    const publish = async (text: string) => {
      if ((await codeOf(() => a.broker.publish(publication("chat/1", text)))) === "no error") {
        taken.push(text);
      }
    };
    for (let n = 0; n < 20; n += 1) await publish(`before ${n}`);
    expect(taken).toHaveLength(20);

    await servers[0]?.kill();
    let count = 0;
    const isEnough = async () => {
      await publish(`after ${count++}`);
      return taken.length === 40;
    };
    await until("twenty more are taken", isEnough, 30_000);

    const history = await untilAnswered(b);
    expect(history.filter(({ data }) => taken.includes(data)).map(({ data }) => data)).toEqual(
      taken,
    );
    expect(new Set(history.map((each) => each.epoch))).toEqual(new Set([epoch]));
    const offset = history.at(-2)?.offset ?? 0;
    const rest = await b.broker.historyFrom("chat/1", { epoch, offset });
    expect(rest.ok && rest.publications).toHaveLength(1);
  }, 60_000);

  test("NatsBroker fails a publication soon when most servers are away, and goes on when they are back", async () => {
    const [a] = nodes;
    if (a === undefined) throw new Error("a node is needed");
    await Promise.all(servers.slice(0, 2).map((server) => server.kill()));
    const startedMs = performance.now();

    expect(await codeOf(() => a.broker.publish(publication("chat/1", "lost")))).toBe(
      "publish_failed",
    );

    expect(performance.now() - startedMs).toBeLessThan(4000);
    await Promise.all(servers.slice(0, 2).map((server) => server.start()));
    const isTaken = async () =>
      (await codeOf(() => a.broker.publish(publication("chat/1", "again")))) === "no error";
    await until("publications are taken again", isTaken, 30_000);
    const live = a.pubsub.delivery.publications;
    expect(new Set(live.map(({ epoch }) => epoch)).size).toBe(1);
  }, 60_000);

  async function untilAnswered({ broker }: NatsMemoryNode): Promise<readonly Publication[]> {
    let found: readonly Publication[] = [];
    const isAnswered = async () => {
      const history = await broker.historySince("chat/1", 1);
      if (history.ok) found = history.publications;
      return history.ok;
    };
    await until("history is answered", isAnswered, 30_000);
    return found;
  }
});
