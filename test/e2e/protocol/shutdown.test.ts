import { expect, setDefaultTimeout, test } from "bun:test";
import { Application, IDENTIFIED } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { freePort } from "../../support/redis-server.ts";
import { rejection } from "../../support/rejection.ts";
import { pubsub, RESTART } from "../../support/wire.ts";

setDefaultTimeout(60_000);

const CLOSED_RESTART = { code: 1001, reason: "Server restart" };

async function welcomedClients(server: Cableway, count: number): Promise<readonly RawClient[]> {
  const clients = [];
  for (let n = 0; n < count; n += 1) clients.push(await server.connect({ path: "/cable?pi=1" }));
  await Promise.all(clients.map((client) => client.next()));
  return clients;
}

/** Milliseconds from now until each client was told, in the order of the list. */
async function timesOfGoodbye(clients: readonly RawClient[]): Promise<readonly number[]> {
  const start = performance.now();
  const told = clients.map(async (client) => {
    expect(await client.nextText(20_000)).toBe(RESTART);
    const at = performance.now() - start;
    expect(await client.closed()).toEqual(CLOSED_RESTART);
    return at;
  });
  return Promise.all(told);
}

test.concurrent("protocol#36 A shutdown tells all clients at once, makes every Disconnect call and exits with 0", async () => {
  await using application = await Application.start();
  const options = ["--disconnect_mode=always", "--disconnect_rate=1"];
  await using server = await Cableway.start([application.option, ...options]);
  const clients = await welcomedClients(server, 3);

  server.signal();
  const times = await timesOfGoodbye(clients);

  expect(Math.max(...times)).toBeLessThan(2000);
  expect(await server.exited()).toBe(0);
  expect(application.named("disconnect")).toHaveLength(3);
  expect(server.log).toContain(
    "Shutting down... (hit Ctrl-C to stop immediately or wait for up to 30s for graceful shutdown)",
  );
  expect(server.log).toMatch(/closing active connections.* num=3/);
  expect(server.log).toContain("all active connections closed");
});

test.concurrent("SIGINT is a shutdown too, and clients do not wait for slow Disconnect calls", async () => {
  const held = Promise.withResolvers<void>();
  const disconnect = () => held.promise.then(() => ({ status: 1 }));
  await using application = await Application.start({ disconnect });
  await using server = await Cableway.start([application.option]);
  const clients = await welcomedClients(server, 3);

  server.signal("SIGINT");
  await timesOfGoodbye(clients);
  expect(server.isRunning).toBe(true);
  held.resolve();

  expect(await server.exited()).toBe(0);
  expect(application.named("disconnect")).toHaveLength(3);
});

test.concurrent("During the shutdown delay the server goes on as always", async () => {
  await using server = await Cableway.start(["--public", "--shutdown_delay=2"]);
  using before = await server.connect();
  await before.next();
  await before.subscribe(pubsub("news"));

  server.signal();
  await server.logged("Shutting down...");
  using after = await server.connect();
  expect(await after.next()).toMatchObject({ type: "welcome" });
  await server.publish("news", 1);
  expect(await before.next()).toMatchObject({ message: 1 });

  await timesOfGoodbye([before, after]);
  expect(await server.exited()).toBe(0);
});

test.concurrent("A socket whose Connect still runs is closed without a word at shutdown", async () => {
  const connect = () => Bun.sleep(1500).then(() => IDENTIFIED);
  await using application = await Application.start({ connect });
  await using server = await Cableway.start([application.option]);
  using client = await server.connect({ path: "/cable?pi=0" });
  await application.called("connect");

  server.signal();

  expect(await server.exited()).toBe(0);
  expect(await rejection(client.nextFrame())).toContain("the connection ended");
});

test.concurrent("A backend that hangs holds a shutdown no longer than its time limit", async () => {
  const held = Promise.withResolvers<void>();
  const disconnect = () => held.promise.then(() => ({ status: 1 }));
  await using application = await Application.start({ disconnect });
  await using server = await Cableway.start([application.option, "--shutdown_timeout=1"]);
  const clients = await welcomedClients(server, 1);

  const start = performance.now();
  server.signal();
  await timesOfGoodbye(clients);

  expect(await server.exited()).toBe(0);
  expect(performance.now() - start).toBeLessThan(4000);
  expect(server.log).toContain("terminated while disconnecting active sessions");
  held.resolve();
});

test.concurrent("protocol#40 A slow drain spreads the goodbyes, and whoever is left is served meanwhile", async () => {
  const options = ["--public", "--shutdown_slowdrain", "--shutdown_timeout=30"];
  await using server = await Cableway.start(options);
  const clients = await welcomedClients(server, 10);

  server.signal();
  const times = (await timesOfGoodbye(clients)).toSorted((a, b) => a - b);

  const pauses = times.slice(1).map((time, at) => time - (times[at] ?? 0));
  expect(Math.max(...pauses)).toBeLessThan(800);
  expect(times.at(-1)).toBeGreaterThan(2000);
  expect(times.at(-1)).toBeLessThan(6500);
  expect(await server.exited()).toBe(0);
  expect(server.log).toMatch(/Draining 10 active connections slowly for 2\d\.\ds/);
});

test.concurrent("protocol#40 Many clients are drained within the drain period", async () => {
  const options = ["--public", "--shutdown_slowdrain", "--shutdown_timeout=4"];
  await using server = await Cableway.start(options);
  const clients = await welcomedClients(server, 40);

  server.signal();
  const times = await timesOfGoodbye(clients);

  expect(Math.max(...times)).toBeGreaterThan(2000);
  expect(Math.max(...times)).toBeLessThan(4500);
  expect(await server.exited()).toBe(0);
});

test.concurrent("Whoever waits for the end of a slow drain still gets publications, and metrics can be read", async () => {
  const [publishPort, metricsPort] = [await freePort(), await freePort()];
  const options = ["--public", "--norpc", "--shutdown_slowdrain", "--shutdown_timeout=6"];
  const ports = [`--http_broadcast_port=${publishPort}`, `--metrics_port=${metricsPort}`];
  await using server = await Cableway.start([...options, ...ports]);
  const clients = await welcomedClients(server, 20);
  for (const client of clients) await client.subscribe(pubsub("s"));
  server.signal();
  await server.logged("Draining 20 active connections slowly for");

  const body = JSON.stringify({ stream: "s", data: '"still here"' });
  const url = `http://${server.host}:${publishPort}/_broadcast`;
  const { status } = await fetch(url, { method: "POST", body });
  const metrics = await fetch(`http://${server.host}:${metricsPort}/metrics`);

  expect([status, metrics.status]).toEqual([201, 200]);
  const last = clients.at(-1);
  expect(await last?.next()).toEqual({ identifier: pubsub("s"), message: "still here" });
  server.signal();
  expect(await server.exited()).toBe(0);
});

test.concurrent("A second signal ends a slow drain at once", async () => {
  const options = ["--public", "--shutdown_slowdrain", "--shutdown_timeout=30"];
  await using server = await Cableway.start(options);
  await welcomedClients(server, 20);

  server.signal();
  await server.logged("Draining 20 active connections slowly for");
  const start = performance.now();
  server.signal();

  expect(await server.exited()).toBe(0);
  expect(performance.now() - start).toBeLessThan(2000);
  expect(server.log).toContain("Immediate termination requested. Stopped");
});

test.concurrent("Q13 A disconnect rate below 1 is refused at the start, one above 1000 works", async () => {
  const { exitCode, output } = await Cableway.run(["--public", "--disconnect_rate=0"]);
  expect([exitCode, output.includes("disconnect_rate")]).toEqual([1, true]);

  await using application = await Application.start();
  await using server = await Cableway.start([application.option, "--disconnect_rate=5000"]);
  const clients = await welcomedClients(server, 3);
  for (const client of clients) client.drop();
  await application.called("disconnect", 3);
});
