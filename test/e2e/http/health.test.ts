import { expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";

setDefaultTimeout(20_000);

const BODY = "Ah, ha, ha, ha, stayin' alive, stayin' alive.";

test.concurrent("http-transports#1 The health page is a fixed text", async () => {
  await using server = await Cableway.start(["--norpc"]);

  const response = await server.fetch("/health");

  expect([response.status, await response.text()]).toEqual([200, BODY]);
  expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(response.headers.get("content-length")).toBe("45");
});

test.concurrent("observability#30 Health is about this process alone, and has the path that was given", async () => {
  await using alone = await Cableway.start(["--rpc_host=127.0.0.1:1", "--secret=x"]);
  await using moved = await Cableway.start(["--norpc", "--health-path=/up"]);
  await using named = await Cableway.start(["--norpc"], { env: { ANYCABLE_HEALTH_PATH: "/env" } });

  expect(await (await alone.fetch("/health")).text()).toBe(BODY);
  expect(await (await moved.fetch("/up")).text()).toBe(BODY);
  expect((await moved.fetch("/health")).status).toBe(404);
  await moved.logged(`INF Handle health requests at ${moved.url}/up`);
  expect((await named.fetch("/env")).status).toBe(200);
});

test.concurrent("Health takes every method, from every origin, on its exact path", async () => {
  const options = ["--norpc", "--allowed_origins=a.io", "--http_broadcast_cors"];
  await using server = await Cableway.start(options);
  const foreign = { headers: { Origin: "http://b.io" } };

  for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS"]) {
    const response = await server.fetch("/health?x=1", { method, ...foreign });
    expect([method, response.status, await response.text()]).toEqual([method, 200, BODY]);
    const names = [...response.headers.keys()];
    expect(names.filter((name) => /^(access-control|x-anycable)/.test(name))).toEqual([]);
  }
  const head = await server.fetch("/health", { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  expect(head.headers.get("content-length")).toBe("45");
  for (const path of ["/health/", "/Health", "/health/x", "/%68ealth"]) {
    expect([path, (await server.fetch(path)).status]).toEqual([path, 404]);
  }
});
