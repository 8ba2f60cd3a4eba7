import { afterEach, describe, expect, test } from "bun:test";
import { NatsPubSub } from "../../src/pubsub/nats.ts";
import { FakeLog } from "../support/fake-log.ts";
import {
  CLOCK,
  codeOf,
  HAS_NATS,
  NatsServer,
  natsTitle,
  PATIENTLY,
} from "../support/nats-server.ts";
import { meta, publication } from "../support/publications.ts";
import { RecordingDelivery } from "../support/recording-delivery.ts";
import { until } from "../support/until.ts";

const CHANNEL = "__anycable_internal__";

describe.skipIf(!HAS_NATS)(natsTitle("NatsPubSub"), () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function server(...args: readonly string[]): Promise<NatsServer> {
    const started = await NatsServer.start(...args);
    cleanups.push(() => started.stop());
    return started;
  }

  async function node(url: string) {
    const [delivery, log] = [new RecordingDelivery(), new FakeLog()];
    const pubsub = new NatsPubSub(
      { servers: [url], isOrdered: true, maxReconnectAttempts: 5, channel: CHANNEL },
      { delivery, clock: CLOCK, random: () => 0, log, onFatal: () => undefined },
    );
    cleanups.push(() => pubsub.stop(PATIENTLY));
    await pubsub.start();
    return { pubsub, delivery, log };
  }

  /** Messages as they are on the wire. */
  async function overhear(nats: NatsServer, subject: string): Promise<readonly string[]> {
    const heard: string[] = [];
    const ear = await nats.connect();
    cleanups.push(() => ear.close());
    ear.subscribe(subject, {
      callback: (_error, message) => void heard.push(`${message.subject} ${message.string()}`),
    });
    await ear.flush();
    return heard;
  }

  test("NatsPubSub sends publications and commands in the words of the reference", async () => {
    const nats = await server();
    const { pubsub, log } = await node(nats.url);
    const heard = await overhear(nats, ">");
    const options = meta({ excludeSocket: "s1", broadcastType: "t", transient: true });

    await pubsub.publish(publication("chat/1", '{"a":1}', { offset: 42, epoch: "aB3x" }));
    await pubsub.publish(publication("chat/1", "x", { meta: options }));
    await pubsub.command({ command: "foo", payload: { b: 1, a: 2 } });

    await until("all heard", () => heard.length === 3);
    expect(heard).toEqual([
      'chat/1 {"stream":"chat/1","data":"{\\"a\\":1}","offset":42,"epoch":"aB3x"}',
      'chat/1 {"stream":"chat/1","data":"x","meta":{"exclude_socket":"s1","broadcast_type":"t","transient":true}}',
      `${CHANNEL} {"command":"foo","payload":{"b":1,"a":2}}`,
    ]);
    expect(log.records[0]).toEqual({
      level: "info",
      message: `Starting NATS pub/sub: ${nats.url}`,
      attributes: { context: "pubsub" },
    });
  });

  test("NatsPubSub goes by the stream in the message, reports batches and junk", async () => {
    const nats = await server();
    const { pubsub, delivery, log } = await node(nats.url);
    await pubsub.subscribe("a");
    const app = await nats.connect();
    cleanups.push(() => app.close());

    app.publish("a", '[{"stream":"a","data":"0"}]');
    app.publish("a", "junk");
    app.publish("a", '{"stream":"b","data":"1","offset":4,"epoch":"ee"}');

    expect(await delivery.publicationsReach(1)).toEqual([
      publication("b", "1", { offset: 4, epoch: "ee" }),
    ]);
    expect(log.messages("warn")).toEqual([
      "received unknown message",
      "failed to parse pubsub message",
    ]);
  });

  test("NatsPubSub cannot be talked into other subjects by a stream's name", async () => {
    const nats = await server();
    const { pubsub, delivery } = await node(nats.url);
    const heard = await overhear(nats, ">");
    const names = ["x\r\nPUB owned 1\r\n1\r\n", "a queue", ">", "$JS.API.STREAM.LIST", "_INBOX.x"];

    for (const name of names) await pubsub.subscribe(name);
    for (const name of names) await pubsub.publish(publication(name, "1"));
    await pubsub.publish(publication("other", "2"));

    const arrived = await delivery.publicationsReach(names.length);
    expect(arrived.map(({ stream }) => stream)).toEqual(names);
    await until("all heard", () => heard.length === names.length + 1);
    expect(heard.map((line) => line.slice(0, line.indexOf(" ")))).toEqual([
      "x%0D%0APUB%20owned%201%0D%0A1%0D%0A",
      "a%20queue",
      "%3E",
      "%24JS.API.STREAM.LIST",
      "%5FINBOX.x",
      "other",
    ]);
  });

  test("NatsPubSub refuses a name of 5 000 characters and the connection lives", async () => {
    const nats = await server();
    const { pubsub, delivery, log } = await node(nats.url);
    const name = "x".repeat(5000);

    expect(await codeOf(() => pubsub.subscribe(name))).toBe("subscribe_failed");
    await pubsub.publish(publication(name, "1"));

    expect(log.messages("error")).toEqual(["failed to publish message"]);
    await pubsub.subscribe("a");
    await pubsub.publish(publication("a", "2"));
    expect(await delivery.publicationsReach(1)).toEqual([publication("a", "2")]);
  });

  test("NatsPubSub logs a message above the server's limit, drops it, and the connection lives", async () => {
    const nats = await server();
    const { pubsub, delivery, log } = await node(nats.url);
    await pubsub.subscribe("a");

    await pubsub.publish(publication("a", "x".repeat(1_100_000)));
    await pubsub.publish(publication("a", "2"));

    expect(await delivery.publicationsReach(1)).toEqual([publication("a", "2")]);
    expect(log.messages("error")).toEqual(["failed to publish message"]);
  });

  test("NatsPubSub confirms subscriptions after a second without NATS, and delivers what was published meanwhile", async () => {
    const nats = await NatsServer.create();
    cleanups.push(() => nats.stop());
    const { pubsub, delivery } = await node(nats.url);

    await pubsub.subscribe("a");
    await pubsub.publish(publication("a", "1"));
    await nats.start();

    expect(await delivery.publicationsReach(1)).toEqual([publication("a", "1")]);
  });

  test("NatsPubSub hears everything again, in order, after NATS was restarted during traffic", async () => {
    const nats = await server();
    const { pubsub, delivery, log } = await node(nats.url);
    for (let n = 0; n < 600; n += 1) await pubsub.subscribe(`s${n}`);
    await nats.kill();
    await until("the loss", () => log.messages("warn").includes("connection failed"));

    const sent = Array.from({ length: 600 }, (_, n) => publication(`s${n}`, String(n)));
    for (const each of sent) await pubsub.publish(each);
    await nats.start();

    expect(await delivery.publicationsReach(600)).toEqual(sent);
    const remote = { command: "foo", payload: {} };
    await pubsub.command(remote);
    expect(await delivery.commandsReach(1)).toEqual([remote]);
  });

  test("NatsPubSub rejects publications when 8 MiB wait for NATS already", async () => {
    const nats = await NatsServer.create();
    cleanups.push(() => nats.stop());
    const { pubsub } = await node(nats.url);
    const large = publication("a", "x".repeat(1_000_000));
    for (let n = 0; n < 8; n += 1) await pubsub.publish(large);

    expect(await codeOf(() => pubsub.publish(large))).toBe("publish_failed");
  });

  test("NatsPubSub tells a caller that NATS refuses the subject, and does not count it", async () => {
    const nats = await server("-c", `${import.meta.dir}/../clients/nats/permissions.conf`);
    const { pubsub, delivery } = await node(`nats://u:p@127.0.0.1:${nats.port}`);

    expect(await codeOf(() => pubsub.subscribe("secret.x"))).toBe("subscribe_failed");

    await pubsub.subscribe("open.x");
    await pubsub.publish(publication("open.x", "1"));
    expect(await delivery.publicationsReach(1)).toHaveLength(1);
  });
});
