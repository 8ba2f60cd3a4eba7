import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { NodeOpener, type NodePurpose } from "../../../src/clients/redis/node-opener.ts";
import type { RedisTarget } from "../../../src/clients/redis/target.ts";
import { errorText } from "../../../src/messages/server-error.ts";
import { type RedisCluster, startCluster } from "../../support/redis-cluster.ts";
import { SYSTEM_CLOCK } from "../../support/redis-node.ts";
import { redisTarget } from "../../support/redis-options.ts";
import { RedisSentinel } from "../../support/redis-sentinel.ts";
import { freePort, HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";

const PURPOSE: NodePurpose = {
  isPrimary: true,
  isTagged: false,
  isPipelined: false,
  blockMs: 0,
  key: "",
};

function opener(target: RedisTarget, given: Partial<NodePurpose> = {}): NodeOpener {
  return new NodeOpener(target, { ...PURPOSE, ...given }, { clock: SYSTEM_CLOCK });
}

/** Where a fresh connection leads. */
async function reached(opening: NodeOpener): Promise<string> {
  const connection = await opening.open(new AbortController().signal);
  connection.close();
  return connection.address;
}

describe.skipIf(!HAS_REDIS)(titled("NodeOpener with sentinels"), () => {
  test("NodeOpener finds the primary that the sentinels name, and the next one after a failover", async () => {
    await using primary = await RedisServer.start();
    await using replica = await primary.startReplica();
    await using sentinel = await RedisSentinel.start(primary);
    const dead = await freePort();
    const target = redisTarget("redis://mymaster", {
      sentinels: [`127.0.0.1:${dead}`, `127.0.0.1:${sentinel.port}`],
    });
    const other = redisTarget(`redis://127.0.0.1:${sentinel.port}?master_set=mymaster`);
    const openings = [opener(target), opener(other), opener(target, { isPrimary: false })];
    const before = await Promise.all(openings.map(reached));
    await until("the sentinel knows the replica", () => knowsReplica(sentinel), 15_000);

    await primary.kill();

    await until("failover", async () => (await role(replica)) === "master", 15_000);
    const after = await Promise.all(openings.map((opening) => retried(() => reached(opening))));
    expect(before).toEqual(Array(3).fill(`127.0.0.1:${primary.port}`));
    expect(after).toEqual(Array(3).fill(`127.0.0.1:${replica.port}`));
  }, 40_000);

  test("NodeOpener logs in at the sentinel with the list's password, at the primary with the URL's", async () => {
    await using primary = await RedisServer.start({
      args: ["--requirepass", "datapw"],
      password: "datapw",
    });
    const auth = ["sentinel auth-pass mymaster datapw", "requirepass sentpw"];
    await using sentinel = await RedisSentinel.start(primary, auth);
    const address = `127.0.0.1:${sentinel.port}`;

    const right = redisTarget("redis://:datapw@mymaster/6", { sentinels: [`:sentpw@${address}`] });
    const wrong = redisTarget("redis://:datapw@mymaster/6", { sentinels: [`:wrong@${address}`] });

    expect(await retried(() => reached(opener(right)))).toBe(`127.0.0.1:${primary.port}`);
    const refusal = await reached(opener(wrong)).catch(errorText);
    expect(refusal).toStartWith("no sentinel names the primary of mymaster (127.0.0.1:");
    expect(refusal).toContain("WRONGPASS");
    expect(refusal).not.toContain("datapw");
  }, 20_000);

  test("NodeOpener says of every sentinel why it did not help", async () => {
    await using primary = await RedisServer.start();
    await using sentinel = await RedisSentinel.start(primary);
    const dead = await freePort();
    const target = redisTarget("redis://stranger", {
      sentinels: [`127.0.0.1:${sentinel.port}`, `127.0.0.1:${dead}`],
    });

    const refusal = await reached(opener(target)).catch(errorText);

    expect(refusal).toContain(`127.0.0.1:${sentinel.port}: does not know it`);
    expect(refusal).toMatch(new RegExp(`127.0.0.1:${dead}: .*ECONNREFUSED`));
  }, 20_000);
});

describe.skipIf(!HAS_REDIS)(titled("NodeOpener in a cluster"), () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  }, 40_000);
  afterAll(() => cluster.stop());

  test("NodeOpener opens the owner of a key, whichever server it asks", async () => {
    for (const key of ["a", "b", "c", "d", "__anycable__"]) {
      const opening = opener(redisTarget(cluster.url), { key });
      const addresses = new Set([
        await reached(opening),
        await reached(opening),
        await reached(opening),
      ]);
      const connection = await opening.open(new AbortController().signal);

      expect(addresses.size).toBe(1);
      expect(await connection.call("get", key)).toBeNull();
      connection.close();
    }
  });

  test("NodeOpener takes any server when no key is given, another one at every call", async () => {
    const opening = opener(redisTarget(cluster.url));

    const addresses = new Set([
      await reached(opening),
      await reached(opening),
      await reached(opening),
    ]);

    expect(addresses).toEqual(new Set(cluster.servers.map(({ port }) => `127.0.0.1:${port}`)));
  });

  test("NodeOpener goes on to another server when one is away, also to servers the cluster has named", async () => {
    const [first] = cluster.servers;
    const dead = await freePort();
    const target = redisTarget(`${first?.url ?? ""},redis://127.0.0.1:${dead}`);
    const opening = opener(target);

    const addresses = new Set<string>();
    for (let count = 0; count < 12; count += 1) addresses.add(await reached(opening));

    expect(addresses).toEqual(new Set(cluster.servers.map(({ port }) => `127.0.0.1:${port}`)));
  });
});

async function knowsReplica(sentinel: RedisSentinel): Promise<boolean> {
  const target = redisTarget(`redis://127.0.0.1:${sentinel.port}`);
  const asking = await opener(target, { isPrimary: false }).open(new AbortController().signal);
  const replicas = await asking.call("sentinel", "replicas", "mymaster");
  asking.close();
  return Array.isArray(replicas) && replicas.length > 0;
}

/** @returns null also when the server just cut the connection: it does when its role changes */
async function role(server: RedisServer): Promise<unknown> {
  const answer = await server.call("role").catch(() => null);
  return Array.isArray(answer) ? answer[0] : null;
}

/** As a link does it: what fails is tried again. */
async function retried<T>(work: () => Promise<T>, limitMs = 10_000): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await Bun.sleep(50);
    }
  }
}
