import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { Follower } from "../../support/follower.ts";
import { Forwarder } from "../../support/forwarder.ts";
import { HttpProducers } from "../../support/http-producers.ts";
import { HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { printTally, tally } from "../../support/tally.ts";
import { until } from "../../support/until.ts";
import { welcomed } from "../../support/welcomed.ts";
import { pubsub } from "../../support/wire.ts";

setDefaultTimeout(60_000);

describe.skipIf(!HAS_REDIS)(titled("Redis failover by REPLICAOF"), () => {
  test("A replica that lacks the last messages begins new epochs: no position means two messages, none is silently skipped", async () => {
    await using primary = await RedisServer.start();
    await using replica = await primary.startReplica();
    await using address = await Forwarder.start(primary.port);
    const url = `--redis_url=redis://127.0.0.1:${address.port}`;
    const args = ["--public", "--norpc", "--broker=redis", "--history_limit=10000", url];
    await using first = await Cableway.start(args);
    await using second = await Cableway.start(args);
    await using a = await Follower.start("chat/1", () => first);
    await using b = await Follower.start("chat/1", () => second);
    await using producers = new HttpProducers("chat/1", [first, first, second, second]);
    await Bun.sleep(400);

    await replica.call("replicaof", "no", "one");
    await Bun.sleep(200); // what is stored meanwhile only the old primary has
    // What only the old primary has, and this node's cut connection had not passed on yet, nobody could deliver.
    const goOn = await producers.pause();
    for (const follower of [a, b]) await follower.hasTaken(producers.acknowledged, 5000);
    const lost = [...a.positions].at(-1) ?? "";
    address.redirect(replica.port);
    await primary.call("replicaof", "127.0.0.1", replica.port);
    goOn();
    const before = producers.acknowledged.length;
    await until(
      "publications are taken again",
      () => producers.acknowledged.length > before + 100,
      15_000,
    );
    await producers.stop();

    for (const [name, follower] of [
      ["a", a],
      ["b", b],
    ] as const) {
      await follower.hasTaken(producers.acknowledged, 5000);
      const result = tally(producers.acknowledged, follower.taken, producers.unknown);
      printTally(`failover, connected client ${name}`, result);
      expect(result).toMatchObject({ missing: [], doubled: [] });
      expect(follower.repeated).toBe(0);
    }
    const [epoch = "", offset] = lost.split("/");
    using returning = await welcomed(first);
    const identifier = await returning.subscribe(pubsub("chat/1"));
    const history = { streams: { "chat/1": { epoch, offset: Number(offset) } } };
    returning.send({ command: "history", identifier, history });
    expect(await returning.next()).toEqual({ type: "reject_history", identifier });
  });
});
