import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cableway } from "../../support/cableway.ts";
import { freePort } from "../../support/redis-server.ts";
import { welcomed } from "../../support/welcomed.ts";

setDefaultTimeout(20_000);

/** A configuration file that survives one failed try of Redis. */
function oneRetry(): { readonly flag: string; [Symbol.dispose](): void } {
  const folder = mkdtempSync(join(tmpdir(), "cableway-test-"));
  writeFileSync(join(folder, "c.toml"), "[redis]\nmax_reconnect_attempts = 1\n");
  return {
    flag: `--config-path=${join(folder, "c.toml")}`,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

test.concurrent("config#38 a Redis that was named and stays away ends the server after its retries", async () => {
  using file = oneRetry();
  const redis = `--redis_url=redis://127.0.0.1:${await freePort()}`;

  const { exitCode, output } = await Cableway.run(["--norpc", "--pubsub=none", redis, file.flag], {
    isBare: true,
  });

  expect(exitCode).toBe(1);
  expect(output).toMatch(
    /ERR failed to connect to Redis .*[\s\S]*INF next Redis reconnect attempt in 250ms[\s\S]*INF reconnecting to Redis\.\.\.[\s\S]*ERR failed to connect to Redis/,
  );
  expect(output.trimEnd().split("\n").at(-1)).toBe("Redis reconnect attempts exceeded");
});

test.concurrent("config#38 the HTTP adapter alone does not need the Redis that was named", async () => {
  using file = oneRetry();
  const redis = `--redis_url=redis://127.0.0.1:${await freePort()}`;
  await using server = await Cableway.start(["--public", "--pubsub=none", redis, file.flag]);

  using client = await welcomed(server);

  expect(await client.within(1500)).toEqual([]);
  expect(server.log).not.toContain("context=broadcast provider=redis");
});

/** DESIGN, decision 8: the reference exits after a minute without a Redis that nobody asked for. */
test.concurrent("A start with nothing set goes on without Redis and says so once", async () => {
  await using server = await Cableway.start(["--public", "--norpc"], { isBare: true });

  await server.logged("context=broadcast provider=redis");
  using client = await welcomed(server);

  expect(await client.within(1500)).toEqual([]);
  // None where this machine happens to have a Redis at the default address.
  expect((server.log.match(/WRN Redis cannot be reached/g) ?? []).length).toBeLessThan(2);
});
