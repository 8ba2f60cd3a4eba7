import { afterEach, describe, expect, test } from "bun:test";
import { FanOutHandler } from "../../src/broadcast/fan-out.ts";
import { NatsBroadcaster } from "../../src/broadcast/nats.ts";
import { FakeLog } from "../support/fake-log.ts";
import { FakeMetrics } from "../support/fake-metrics.ts";
import { CLOCK, HAS_NATS, NatsServer, natsTitle, PATIENTLY } from "../support/nats-server.ts";
import { publication } from "../support/publications.ts";
import { RecordingDelivery } from "../support/recording-delivery.ts";
import { until } from "../support/until.ts";

describe.skipIf(!HAS_NATS)(natsTitle("NatsBroadcaster"), () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function start() {
    const nats = await NatsServer.start();
    cleanups.push(() => nats.stop());
    const [delivery, log, metrics] = [new RecordingDelivery(), new FakeLog(), new FakeMetrics()];
    const broadcaster = new NatsBroadcaster(
      { servers: [nats.url], isOrdered: true, maxReconnectAttempts: 5, channel: "__anycable__" },
      {
        handler: new FanOutHandler({ delivery, metrics, log }),
        clock: CLOCK,
        random: () => 0,
        log,
        onFatal: () => undefined,
      },
    );
    cleanups.push(() => broadcaster.stop(PATIENTLY));
    await broadcaster.start();
    return { nats, delivery, log, metrics };
  }

  async function publish(nats: NatsServer, ...messages: readonly string[]): Promise<void> {
    const app = await nats.connect();
    for (const message of messages) app.publish("__anycable__", message);
    await app.flush();
    await app.close();
  }

  test("NatsBroadcaster delivers publications, batches in order, and commands", async () => {
    const { nats, delivery, log } = await start();

    await publish(
      nats,
      '{"stream":"a","data":"1"}',
      '[{"stream":"a","data":"2"},{"stream":"b","data":"3"}]',
      '{"command":"disconnect","payload":{"identifier":"u"}}',
    );

    expect(await delivery.publicationsReach(3)).toEqual([
      publication("a", "1"),
      publication("a", "2"),
      publication("b", "3"),
    ]);
    expect(await delivery.commandsReach(1)).toEqual([
      { command: "disconnect", payload: { identifier: "u" } },
    ]);
    expect(log.records[0]).toEqual({
      level: "info",
      message: "subscribing for broadcasts",
      attributes: { context: "broadcast", provider: "nats", channel: "__anycable__" },
    });
  });

  test("NatsBroadcaster counts malformed messages and goes on", async () => {
    const { nats, delivery, metrics } = await start();

    await publish(nats, "[null]", "junk", '{"stream":"a","data":"1"}');

    expect(await delivery.publicationsReach(1)).toEqual([publication("a", "1")]);
    expect(metrics.value("failed_broadcast_msg_total")).toBe(2);
  });

  test("NatsBroadcaster hears again after NATS was restarted", async () => {
    const { nats, delivery, log } = await start();
    await nats.kill();
    await nats.start();
    await until("the new connection", () => log.messages("info").includes("connection restored"));
    await until("the subscription", async () => {
      await publish(nats, '{"stream":"a","data":"1"}');
      return delivery.publications.length > 0;
    });

    expect(log.messages("warn")).toEqual(["connection failed"]);
  });
});
