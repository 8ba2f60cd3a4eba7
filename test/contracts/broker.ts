import { afterEach, describe, expect, test } from "bun:test";
import type { Publication } from "../../src/messages/publication.ts";
import type { StreamRule } from "../../src/messages/stream-rules.ts";
import type { Broker, History } from "../../src/ports/broker.ts";
import { meta, publication, uniqueStream } from "../support/publications.ts";
import type { RecordingDelivery } from "../support/recording-delivery.ts";

/** What a broker under test is made with. */
export interface BrokerSettings {
  readonly historyLimit: number;
  readonly historyTtlS: number;
  readonly streamRules: readonly StreamRule[];
}

/** A started broker on a node of its own. */
export interface BrokerHarness {
  readonly broker: Broker;
  /** What arrives on that node. */
  readonly delivery: RecordingDelivery;
  /** The time the broker goes by, UNIX seconds. */
  nowS(): number;
  /** Lets time pass: moves a clock, or waits. */
  elapse(ms: number): Promise<void>;
  stop(): Promise<void>;
}

const SETTINGS: BrokerSettings = { historyLimit: 100, historyTtlS: 300, streamRules: [] };

/**
 * What every broker promises. What is stricter in one adapter (the memory broker wants the position itself still kept)
 * belongs into its own tests.
 * @param isAvailable false shows the tests as skipped: the service the adapter needs is not there
 */
export function brokerContract(
  adapter: string,
  create: (settings: BrokerSettings) => Promise<BrokerHarness>,
  isAvailable = true,
): void {
  describe.skipIf(!isAvailable)(`Broker contract: ${adapter}`, () => {
    const running: BrokerHarness[] = [];
    afterEach(async () => {
      await Promise.all(running.splice(0).map((harness) => harness.stop()));
    });

    async function start(settings: Partial<BrokerSettings> = {}, stream = uniqueStream()) {
      const harness = await create({ ...SETTINGS, ...settings });
      running.push(harness);
      await harness.broker.subscribe(stream);
      const publish = async (...data: string[]): Promise<readonly Publication[]> => {
        const before = harness.delivery.publications.length;
        for (const text of data) await harness.broker.publish(publication(stream, text));
        return (await harness.delivery.publicationsReach(before + data.length)).slice(before);
      };
      return { ...harness, stream, publish };
    }

    test("Broker gives publications offsets from 1 on and one epoch, and passes them on", async () => {
      const { stream, publish } = await start();

      const live = await publish('"a"', '"b"', '"c"');

      const epoch = live[0]?.epoch ?? "";
      expect(epoch).not.toBe("");
      expect(live).toEqual([
        { stream, data: '"a"', meta: null, offset: 1, epoch },
        { stream, data: '"b"', meta: null, offset: 2, epoch },
        { stream, data: '"c"', meta: null, offset: 3, epoch },
      ]);
    });

    test("Broker counts the offsets of every stream apart", async () => {
      const { broker, delivery, publish } = await start();
      const other = uniqueStream();
      await broker.subscribe(other);
      await publish("1", "2");

      await broker.publish(publication(other, "3"));

      const arrived = await delivery.publicationsReach(3);
      expect(arrived.map(({ offset }) => offset)).toEqual([1, 2, 1]);
    });

    test("Broker passes publications on in the order of the calls, without waiting in between", async () => {
      const { broker, delivery, stream } = await start();
      const numbers = Array.from({ length: 100 }, (_, index) => index + 1);

      await Promise.all(numbers.map((n) => broker.publish(publication(stream, String(n)))));

      const live = await delivery.publicationsReach(100);
      expect(live.map(({ data }) => data)).toEqual(numbers.map(String));
      expect(live.map(({ offset }) => offset)).toEqual(numbers);
    });

    test("Broker keeps delivery options on the live publication and out of history", async () => {
      const { broker, delivery, stream } = await start();
      const options = meta({ excludeSocket: "s1", broadcastType: "t" });

      await broker.publish(publication(stream, "1", { meta: options }));

      const [live] = await delivery.publicationsReach(1);
      expect(live?.meta).toEqual(options);
      expect(offered(await broker.historySince(stream, 1))).toEqual([
        { stream, data: "1", meta: null, offset: 1, epoch: live?.epoch ?? "" },
      ]);
    });

    test("Broker overwrites a position that the application made up", async () => {
      const { broker, delivery, publish, stream } = await start();
      const [{ epoch } = { epoch: "" }] = await publish("1");

      await broker.publish(publication(stream, "2", { offset: 99, epoch: "zz" }));

      const live = await delivery.publicationsReach(2);
      expect(live[1]).toEqual({ stream, data: "2", meta: null, offset: 2, epoch });
    });

    test("Broker passes a transient publication on as it is: no offset used, nothing kept (messaging, section 16)", async () => {
      const { broker, delivery, publish, stream } = await start();
      const transient = publication(stream, "w", { meta: meta({ transient: true }) });
      await publish("1");

      await broker.publish(transient);

      await publish("2");
      expect(delivery.publications[1]).toEqual(transient);
      expect(positions(await broker.historySince(stream, 1))).toEqual(["1:1", "2:2"]);
    });

    test("Broker answers a position with what came after it, oldest first", async () => {
      const { broker, publish, stream } = await start();
      const live = await publish("1", "2", "3", "4", "5");
      const { epoch } = live[0] ?? { epoch: "" };

      const history = await broker.historyFrom(stream, { epoch, offset: 2 });

      expect(offered(history)).toEqual(live.slice(2));
    });

    test("Broker answers the newest position with nothing", async () => {
      const { broker, publish, stream } = await start();
      const [{ epoch } = { epoch: "" }] = await publish("1", "2");

      expect(offered(await broker.historyFrom(stream, { epoch, offset: 2 }))).toEqual([]);
    });

    test("Broker refuses another epoch, an offset never given, and an unknown stream", async () => {
      const { broker, publish, stream } = await start();
      const [{ epoch } = { epoch: "" }] = await publish("1", "2");

      const answers = await Promise.all([
        broker.historyFrom(stream, { epoch: `${epoch}x`, offset: 1 }),
        broker.historyFrom(stream, { epoch: "", offset: 1 }),
        broker.historyFrom(stream, { epoch, offset: 3 }),
        broker.historyFrom(uniqueStream("unknown"), { epoch, offset: 1 }),
      ]);

      expect(answers.map(({ ok }) => ok)).toEqual([false, false, false, false]);
    });

    test("Broker keeps the newest messages up to the limit and refuses positions before them", async () => {
      const { broker, publish, stream } = await start({ historyLimit: 2 });
      const [{ epoch } = { epoch: "" }] = await publish("1", "2", "3", "4");

      expect(positions(await broker.historySince(stream, 1))).toEqual(["3:3", "4:4"]);
      expect(positions(await broker.historyFrom(stream, { epoch, offset: 3 }))).toEqual(["4:4"]);
      expect((await broker.historyFrom(stream, { epoch, offset: 1 })).ok).toBe(false);
    });

    test("Broker with a limit of 0 keeps nothing but gives offsets", async () => {
      const { broker, publish, stream } = await start({ historyLimit: 0 });

      const live = await publish("1", "2");

      expect(live.map(({ offset }) => offset)).toEqual([1, 2]);
      expect(positions(await broker.historySince(stream, 1))).toEqual([]);
    });

    test("Broker answers a time with the messages not older than it, and a later one with nothing", async () => {
      const { broker, nowS, publish, stream } = await start();
      const startS = Math.floor(nowS());
      await publish("1", "2");

      expect(positions(await broker.historySince(stream, startS - 30))).toEqual(["1:1", "2:2"]);
      expect(positions(await broker.historySince(stream, startS + 100))).toEqual([]);
    });

    test("Broker answers a time with nothing, not with a refusal, for an unknown stream", async () => {
      const { broker } = await start();

      const history = await broker.historySince(uniqueStream("unknown"), 1);

      expect(history).toEqual({ ok: true, publications: [] });
    });

    test("Broker forgets messages after their time to live but goes on counting", async () => {
      const { broker, elapse, publish, stream } = await start({ historyTtlS: 1 });
      const [first] = await publish("1", "2");

      await elapse(3000);

      expect(positions(await broker.historySince(stream, 1))).toEqual([]);
      const [next] = await publish("3");
      expect([next?.offset, next?.epoch]).toEqual([3, first?.epoch]);
    });

    test("Broker never changes an answer it has given", async () => {
      const { broker, publish, stream } = await start({ historyLimit: 2 });
      await publish("1", "2");
      const answer = await broker.historySince(stream, 1);

      await publish("3", "4");

      expect(positions(answer)).toEqual(["1:1", "2:2"]);
    });

    test("Broker takes any stream name", async () => {
      for (const name of ["__proto__", "constructor", "a b", "x.*.>", "ключ/✓", "a;b:c{d}"]) {
        const { broker, publish, stream } = await start({}, `${uniqueStream(name)}/${name}`);

        await publish("1");

        expect(positions(await broker.historySince(stream, 1))).toEqual(["1:1"]);
      }
    });

    test("Broker keeps data to the byte", async () => {
      const { broker, publish, stream } = await start();
      const data = '{"n":12345678901234567890, "t":"ü\\u0000\u2028 </script>"}';

      const live = await publish(data, "", "not json");

      expect(live.map((each) => each.data)).toEqual([data, "", "not json"]);
      expect(offered(await broker.historySince(stream, 1))).toEqual(live);
    });

    test("Broker gives no position and keeps nothing in a stream whose rule says history off", async () => {
      const { broker, publish, stream } = await start({
        streamRules: [{ pattern: "*", history: false }],
      });

      const live = await publish("1");

      expect(live).toEqual([publication(stream, "1")]);
      expect((await broker.historySince(stream, 1)).ok).toBe(false);
      expect((await broker.historyFrom(stream, { epoch: "e", offset: 1 })).ok).toBe(false);
    });

    test("Broker takes limit and time to live of a stream from the first rule that matches", async () => {
      const { broker, elapse, publish, stream } = await start({
        streamRules: [
          { pattern: "other/*", historyLimit: 0 },
          { pattern: "chat/*", historyLimit: 3, historyTtlS: 1 },
          { pattern: "*", historyLimit: 1 },
        ],
      });

      await publish("1", "2", "3", "4");

      expect(positions(await broker.historySince(stream, 1))).toEqual(["2:2", "3:3", "4:4"]);
      await elapse(3000);
      expect(positions(await broker.historySince(stream, 1))).toEqual([]);
    });

    test("Broker passes remote commands to the node", async () => {
      const { broker, delivery } = await start();
      const remote = { command: "disconnect", payload: { identifier: "u1", reconnect: true } };

      await broker.command(remote);

      expect(await delivery.commandsReach(1)).toEqual([remote]);
    });
  });
}

/** Publications of an answer that is no refusal. */
function offered(history: History): readonly Publication[] {
  if (!history.ok) throw new Error(`history was refused: ${history.reason}`);
  return history.publications;
}

/** `offset:data` of each publication. */
function positions(history: History): readonly string[] {
  return offered(history).map(({ offset, data }) => `${offset}:${data}`);
}
