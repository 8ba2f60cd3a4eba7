import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cableway } from "../../support/cableway.ts";
import { freePort, HAS_REDIS, RedisServer, titled } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";
import { linesWith, welcomed } from "../../support/welcomed.ts";
import { pubsub } from "../../support/wire.ts";

setDefaultTimeout(90_000);

const PUBLIC = ["--public", "--norpc"];
const ALL = ["--broadcast_adapter=http,redis,redisx", "--broker=redis", "--pubsub=redis"];

/** Milliseconds that the log announces before each further try, oldest first. */
function delays(server: Cableway, context: string): readonly number[] {
  const lines = linesWith(server, "next Redis reconnect attempt in ", `context=${context}`);
  return lines.map((line) => {
    const [, amount, unit] = /attempt in ([\d.]+)(ms|s)\b/.exec(line) ?? [];
    return Number(amount) * (unit === "s" ? 1000 : 1);
  });
}

function isBetween(value: number | undefined, least: number, most: number): boolean {
  return value !== undefined && value >= least && value <= most;
}

describe.skipIf(!HAS_REDIS)(titled("A Redis that is away"), () => {
  test.concurrent("messaging#17 A Redis that never comes ends the server with code 1, after six tries and these pauses", async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    const args = [...PUBLIC, "--broadcast_adapter=http,redis", "--pubsub=none"];
    await using server = await Cableway.start([...args, `--redis_url=${url}`]);
    using client = await welcomed(server);
    await client.subscribe(pubsub("a"));
    await server.publish("a", 1);
    expect(await client.next()).toMatchObject({ message: 1 });

    expect(await server.exited(60_000)).toBe(1);

    const [first, second, third, fourth, fifth, ...more] = delays(server, "broadcast");
    expect(first).toBe(250);
    expect(isBetween(second, 2000, 3000)).toBe(true);
    expect(isBetween(third, 4000, 7000)).toBe(true);
    expect(isBetween(fourth, 8000, 15_000)).toBe(true);
    expect(isBetween(fifth, 16_000, 31_000)).toBe(true);
    expect(more).toEqual([]);
    expect(server.log).toContain("Redis reconnect attempts exceeded");
    expect(linesWith(server, "ERR failed to connect to Redis")).toHaveLength(6);
  });

  test.concurrent("messaging#17 With the default adapters nobody asked for Redis: one warning, and the server goes on", async () => {
    await using server = await Cableway.start(PUBLIC, { isBare: true });

    await Bun.sleep(4000); // three tries fail meanwhile

    const { host } = server;
    const body = '{"stream":"a","data":"1"}';
    expect((await fetch(`http://${host}:8090/_broadcast`, { method: "POST", body })).status).toBe(
      201,
    );
    // Where a Redis listens on its default address, there is nothing to warn of.
    const warnings = linesWith(server, "WRN Redis cannot be reached, going on without it");
    expect(warnings).toHaveLength(server.log.includes("subscribed to Redis channel") ? 0 : 1);
    expect(linesWith(server, "ERR")).toEqual([]);
    expect(server.isRunning).toBe(true);
  });

  test.concurrent("Each part that needs Redis ends the server with its own words, as often as the file allows", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cableway-config-"));
    const config = join(folder, "anycable.toml");
    writeFileSync(config, "[redis]\nmax_reconnect_attempts = 1\n");
    const url = `--redis_url=redis://127.0.0.1:${await freePort()}`;
    const run = async (...args: readonly string[]) => {
      await using server = await Cableway.start([
        ...PUBLIC,
        url,
        `--config-path=${config}`,
        ...args,
      ]);
      const exitCode = await server.exited(10_000);
      return [exitCode, server.log.trimEnd().split("\n").at(-1)];
    };

    const broadcaster = run("--broadcast_adapter=redis", "--pubsub=none");
    const node = run("--pubsub=redis");
    const broker = run("--broker=redis", "--pubsub=none");

    expect(await broadcaster).toEqual([1, "Redis reconnect attempts exceeded"]);
    expect(await node).toEqual([1, "failed to reconnect to Redis: attempts exceeded"]);
    expect(await broker).toEqual([1, "Redis reconnect attempts exceeded"]);
    rmSync(folder, { recursive: true });
  });

  test.concurrent("SIGTERM ends a server soon with code 0: at the moment Redis goes, in a pause, and when Redis hangs", async () => {
    const cases = [
      ["at the moment", async (redis: RedisServer) => redis.kill()],
      [
        "in the first pause",
        async (redis: RedisServer, server: Cableway) => {
          await redis.kill();
          await server.loggedTimes("next Redis reconnect attempt in 250ms", 4);
        },
      ],
      [
        "in a later pause",
        async (redis: RedisServer, server: Cableway) => {
          await redis.kill();
          await server.loggedTimes("next Redis reconnect attempt in ", 8);
        },
      ],
      ["hanging", async (redis: RedisServer) => redis.hang()],
    ] as const;

    const endings = cases.map(async ([name, begin]) => {
      await using redis = await RedisServer.start();
      await using server = await Cableway.start([...PUBLIC, ...ALL, `--redis_url=${redis.url}`]);
      using client = await welcomed(server);
      await client.subscribe(pubsub("a"));
      await begin(redis, server);
      const asked = performance.now();
      server.signal("SIGTERM");
      const told = await client.nextText();
      const exitCode = await server.exited(10_000);
      redis.resume();
      return { name, told, exitCode, isSoon: performance.now() - asked < 6000 };
    });

    const told = '{"type":"disconnect","reason":"server_restart","reconnect":true}';
    for (const [at, [name]] of cases.entries()) {
      expect(await endings[at]).toEqual({ name, told, exitCode: 0, isSoon: true });
    }
  });

  test.concurrent("While Redis is away history is refused and clients come and go; afterwards everything works again", async () => {
    await using redis = await RedisServer.start();
    await using server = await Cableway.start([...PUBLIC, ...ALL, `--redis_url=${redis.url}`]);
    using client = await welcomed(server);
    const identifier = await client.subscribe(pubsub("a"));
    await redis.kill();
    await server.logged("Redis pub/sub disconnected");

    client.send({ command: "history", identifier, history: { since: 1 } });
    expect(await client.next()).toEqual({ type: "reject_history", identifier });
    client.send({ command: "presence", identifier });
    expect(await client.next()).toMatchObject({ message: { type: "error", total: 0 } });
    using visitor = await welcomed(server);
    await visitor.subscribe(identifier);
    visitor.drop();
    await redis.start();

    const body = '{"stream":"a","data":"7"}';
    const publish = async () =>
      (await server.fetch("/_broadcast", { method: "POST", body })).status;
    await server.logged("INF reconnected", 10_000);
    await until("publications are taken again", async () => (await publish()) === 201, 10_000);
    expect(await client.next()).toMatchObject({ identifier, message: 7 });
    client.send({ command: "join", identifier, presence: { id: "1" } });
    expect(await client.next()).toMatchObject({ type: "presence", message: { type: "join" } });
  });
});
