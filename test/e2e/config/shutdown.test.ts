import { expect, setDefaultTimeout, test } from "bun:test";
import { Application } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { expectMetrics, welcomed } from "../../support/welcomed.ts";
import { RESTART } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const PUBLIC = ["--public", "--norpc"];

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test.concurrent(`config#34 ${signal} tells the clients of the restart and ends with code 0`, async () => {
    await using server = await Cableway.start([...PUBLIC, "--shutdown_timeout=7"]);
    using first = await welcomed(server);
    using second = await welcomed(server);

    server.signal(signal);

    expect([await first.nextText(), await second.nextText()]).toEqual([RESTART, RESTART]);
    expect(await server.exited()).toBe(0);
    expect(server.log).toMatch(
      /INF Shutting down\.\.\. \(hit Ctrl-C to stop immediately or wait for up to 7s for graceful shutdown\) nodeid=\S+\n.* INF closing active connections nodeid=\S+ context=node num=2\n.* INF all active connections closed nodeid=\S+ context=node\n$/,
    );
  });
}

test.concurrent("config#35 --shutdown_delay lets clients in for its time; a second signal does not wait", async () => {
  await using server = await Cableway.start([...PUBLIC, "--shutdown_delay=2"]);
  await using hurried = await Cableway.start([...PUBLIC, "--shutdown_delay=20"]);
  using early = await welcomed(server);
  const startedAt = performance.now();

  server.signal();
  await server.logged("Shutting down...");
  using late = await welcomed(server);
  expect((await server.fetch("/health")).status).toBe(200);
  expect(await late.within(800)).toEqual([]);
  expect([await early.nextText(), await late.nextText()]).toEqual([RESTART, RESTART]);
  const tookMs = performance.now() - startedAt;
  expect(tookMs).toBeGreaterThan(1900);
  expect(tookMs).toBeLessThan(4000);
  expect(await server.exited()).toBe(0);
  expect(server.log).toContain("num=2");

  hurried.signal();
  await hurried.logged("Shutting down...");
  hurried.signal();
  expect(await hurried.exited(2000)).toBe(0);
  expect(hurried.log).toContain("WRN Immediate termination requested. Stopped");
});

test.concurrent("A delay that takes all the time leaves none for goodbyes: code 0", async () => {
  const times = ["--shutdown_delay=20", "--shutdown_timeout=1"];
  await using server = await Cableway.start([...PUBLIC, ...times]);
  using client = await welcomed(server);

  server.signal();

  expect(await server.exited(5000)).toBe(0);
  expect(await client.within(500)).not.toContain(RESTART);
});

test.concurrent("Calls that are due are made before the end", async () => {
  await using application = await Application.start();
  await using server = await Cableway.start([application.option, "--disconnect_rate=1"]);
  const gone = await Promise.all([1, 2, 3].map(() => welcomed(server)));
  using remaining = await welcomed(server);
  for (const client of gone) client.drop();
  await expectMetrics(server, { disconnect_queue_size: 2 });

  server.signal();

  await remaining.closed();
  expect(await server.exited()).toBe(0);
  expect(application.named("disconnect")).toHaveLength(4);
  expect(server.log).toMatch(
    /INF invoking remaining disconnects nodeid=\S+ context=disconnector interval=[\d.]+ num=([12])\n(.*\n)*.*INF disconnected sessions nodeid=\S+ context=disconnector num=\1\n/,
  );
  expect(server.log).toContain("INF all active RPC calls finished");
});

test.concurrent("A signal that is not handled ends the process as the system says", async () => {
  await using server = await Cableway.start(PUBLIC);

  server.signal("SIGHUP");
  await server.exited();

  expect(server.process.signalCode).toBe("SIGHUP");
});

test.concurrent("After the first signal the port is closed to new clients at once", async () => {
  await using application = await Application.start({
    disconnect: () => Bun.sleep(1000).then(() => ({ status: 1 })),
  });
  await using server = await Cableway.start([application.option]);
  using client = await welcomed(server);

  server.signal();
  await client.closed();

  await expect(server.fetch("/health")).rejects.toThrow();
  expect(await server.exited()).toBe(0);
});
