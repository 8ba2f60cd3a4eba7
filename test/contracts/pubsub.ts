import { afterEach, describe, expect, test } from "bun:test";
import type { Publication } from "../../src/messages/publication.ts";
import type { PubSub } from "../../src/ports/pubsub.ts";
import { meta, publication, uniqueStream } from "../support/publications.ts";
import type { RecordingDelivery } from "../support/recording-delivery.ts";

/** One node: its adapter and what arrives through it. */
export interface PubSubNode {
  readonly pubsub: PubSub;
  readonly delivery: RecordingDelivery;
}

/** Started nodes that hear each other; one for an adapter that has no network. */
export interface PubSubHarness {
  readonly nodes: readonly [PubSubNode, ...PubSubNode[]];
  stop(): Promise<void>;
}

/** How adapters may differ. */
export interface PubSubTraits {
  /** False: a node gets every publication, subscribed or not (no network between nodes). */
  readonly isFiltering: boolean;
  /** Name of the channel for commands, if there is one: a stream may have the same. */
  readonly commandChannel: string | null;
  /** False shows the tests as skipped: the service the adapter needs is not there. */
  readonly isAvailable: boolean;
}

/** What every PubSub promises. Ends of waiting are marked by a publication to a stream of its own: order per node is promised. */
export function pubsubContract(
  adapter: string,
  traits: PubSubTraits,
  create: () => Promise<PubSubHarness>,
): void {
  describe.skipIf(!traits.isAvailable)(`PubSub contract: ${adapter}`, () => {
    const running: PubSubHarness[] = [];
    afterEach(async () => {
      await Promise.all(running.splice(0).map((harness) => harness.stop()));
    });

    async function start() {
      const harness = await create();
      running.push(harness);
      const [first] = harness.nodes;
      return { ...harness, first, last: harness.nodes.at(-1) ?? first };
    }

    test("PubSub delivers a publication, whole, to every subscribed node, its own included", async () => {
      const { nodes, first } = await start();
      const stream = uniqueStream();
      await Promise.all(nodes.map(({ pubsub }) => pubsub.subscribe(stream)));
      const full = publication(stream, '{"n":12345678901234567890,"t":"ü\u2028"}', {
        meta: meta({ excludeSocket: "s1", broadcastType: "presence", transient: true }),
        offset: 7,
        epoch: "vRXl",
      });

      await first.pubsub.publish(full);
      await first.pubsub.publish(publication(stream, ""));

      for (const { delivery } of nodes) {
        expect(await delivery.publicationsReach(2)).toEqual([full, publication(stream, "")]);
      }
    });

    test("PubSub keeps the order of one node's publications, also across streams", async () => {
      const { nodes, first } = await start();
      const streams = [uniqueStream(), uniqueStream(), uniqueStream()];
      for (const { pubsub } of nodes) await Promise.all(streams.map((s) => pubsub.subscribe(s)));
      const sent = Array.from({ length: 150 }, (_, n) =>
        publication(streams[n % 3] ?? "", String(n)),
      );

      await Promise.all(sent.map((each) => first.pubsub.publish(each)));

      for (const { delivery } of nodes) expect(await delivery.publicationsReach(150)).toEqual(sent);
    });

    test("PubSub brings commands to every node exactly once, subscribed to something or not", async () => {
      const { nodes, first } = await start();
      const remotes = [
        { command: "disconnect", payload: { identifier: '{"user":"42"}', reconnect: true } },
        { command: "foo", payload: { b: 1, a: [null] } },
      ];

      for (const remote of remotes) await first.pubsub.command(remote);

      for (const { delivery } of nodes) expect(await delivery.commandsReach(2)).toEqual(remotes);
    });

    test("PubSub takes any stream name, without mistaking one for another", async () => {
      const { nodes, first, last } = await start();
      const id = crypto.randomUUID();
      const names = ["__proto__", "a b", `${id}.*`, `${id}.>`, `${id}.x`, `..${id}.`, `ключ✓${id}`];
      for (const { pubsub } of nodes) await Promise.all(names.map((n) => pubsub.subscribe(n)));
      const sent = names.map((name) => publication(name, JSON.stringify(name)));

      for (const each of sent) await first.pubsub.publish(each);

      expect(await last.delivery.publicationsReach(names.length)).toEqual(sent);
    });

    test("PubSub confirms every caller of subscribe only when publications arrive", async () => {
      const { first, last } = await start();
      const stream = uniqueStream();

      await Promise.all([last.pubsub.subscribe(stream), last.pubsub.subscribe(stream)]);
      await first.pubsub.publish(publication(stream, "1"));

      expect(await last.delivery.publicationsReach(1)).toEqual([publication(stream, "1")]);
    });

    test("PubSub delivers once per publication, however often the node subscribed", async () => {
      const { first, last } = await start();
      const stream = uniqueStream();
      await last.pubsub.subscribe(stream);
      await last.pubsub.subscribe(stream);

      await first.pubsub.publish(publication(stream, "1"));

      expect(await untilMark(first, last)).toEqual([publication(stream, "1")]);
    });

    test("PubSub counts subscriptions: the stream is left with the last of them", async () => {
      const { first, last } = await start();
      const stream = uniqueStream();
      await last.pubsub.subscribe(stream);
      await last.pubsub.subscribe(stream);

      await last.pubsub.unsubscribe(stream);
      await first.pubsub.publish(publication(stream, "1"));
      await last.delivery.publicationsReach(1);
      await last.pubsub.unsubscribe(stream);
      await first.pubsub.publish(publication(stream, "2"));

      const heard = (await untilMark(first, last)).map(({ data }) => data);
      expect(heard).toEqual(traits.isFiltering ? ["1"] : ["1", "2"]);
    });

    test("PubSub hears a stream again that was left and subscribed to in one go", async () => {
      const { first, last } = await start();
      const stream = uniqueStream();
      await last.pubsub.subscribe(stream);

      await Promise.all([last.pubsub.unsubscribe(stream), last.pubsub.subscribe(stream)]);
      await first.pubsub.publish(publication(stream, "1"));

      expect(await last.delivery.publicationsReach(1)).toEqual([publication(stream, "1")]);
    });

    test("PubSub does not bring a stream to a node that never subscribed to it", async () => {
      const { first, last } = await start();
      const stream = uniqueStream();

      await first.pubsub.publish(publication(stream, "1"));

      expect(await untilMark(first, last)).toHaveLength(traits.isFiltering ? 0 : 1);
    });

    test("PubSub goes on hearing commands when a stream of their channel's name is left", async () => {
      const { first, last } = await start();
      const name = traits.commandChannel ?? "__anycable_internal__";
      await last.pubsub.subscribe(name);

      await last.pubsub.unsubscribe(name);

      const remote = { command: "disconnect", payload: { identifier: "u", reconnect: false } };
      await first.pubsub.command(remote);
      expect(await last.delivery.commandsReach(1)).toEqual([remote]);
    });
  });
}

/** What `to` has heard before a mark that `from` publishes now. */
async function untilMark(from: PubSubNode, to: PubSubNode): Promise<readonly Publication[]> {
  const mark = uniqueStream("mark");
  await to.pubsub.subscribe(mark);
  await from.pubsub.publish(publication(mark, ""));
  for (let count = to.delivery.publications.length; ; count += 1) {
    const heard = await to.delivery.publicationsReach(count);
    const end = heard.findIndex(({ stream }) => stream === mark);
    if (end !== -1) return heard.slice(0, end);
  }
}
