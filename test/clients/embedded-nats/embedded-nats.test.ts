import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedNats } from "../../../src/clients/embedded-nats/embedded-nats.ts";
import type { EmbeddedNatsOptions } from "../../../src/clients/embedded-nats/options.ts";
import { askJetStream } from "../../../src/clients/embedded-nats/raw-request.ts";
import { errorText } from "../../../src/messages/server-error.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import { FakeLog } from "../../support/fake-log.ts";
import { CLOCK, HAS_NATS, natsLink, natsTitle, PATIENTLY } from "../../support/nats-server.ts";
import { freePort } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";

describe.skipIf(!HAS_NATS)(natsTitle("EmbeddedNats"), () => {
  const cleanups: (() => unknown)[] = [];
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cableway-enats-"));
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    rmSync(folder, { recursive: true, force: true });
  });

  async function create(given: Partial<EmbeddedNatsOptions> = {}, clock: Clock = CLOCK) {
    const port = await freePort();
    const log = new FakeLog();
    const fatal: string[] = [];
    const returns: string[] = [];
    const options = {
      serviceAddr: `nats://127.0.0.1:${port}`,
      name: "",
      clusterAddr: "",
      clusterName: "anycable-cluster",
      routes: [],
      gatewayAddr: "",
      gatewayAdvertise: "",
      gateways: [],
      isJetstream: false,
      storeDir: "",
      jetstreamReadyTimeoutS: 30,
      maxPayloadBytes: 0,
      isDebug: false,
      isTrace: false,
      tempFolder: folder,
      cacheFolder: join(folder, "cache"),
      searchPath: process.env["PATH"] ?? "",
      ...given,
    };
    const nats = new EmbeddedNats(options, {
      clock,
      log,
      randomId: () => "x1Z",
      onFatal: (message) => void fatal.push(message),
      onBack: () => void returns.push("back"),
    });
    cleanups.push(() => nats.stop(PATIENTLY));
    return { nats, log, fatal, returns, url: options.serviceAddr };
  }

  async function started<T extends { readonly nats: EmbeddedNats }>(made: T): Promise<T> {
    await made.nats.start();
    return made;
  }

  async function occupy(url: string): Promise<void> {
    const server = createServer();
    const port = Number(new URL(url).port);
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    cleanups.push(() => server.close());
  }

  async function connect(url: string) {
    const { link } = natsLink([url]);
    cleanups.push(() => link.stop(PATIENTLY));
    await link.start();
    return link;
  }

  test("EmbeddedNats takes connections once it has started, tells so in one line, and ends with stop", async () => {
    const { nats, log, url } = await create();

    await nats.start();

    const link = await connect(url);
    await link.confirm();
    expect(nats.health()).toBeNull();
    const name = url.replace("://", "-").replaceAll(":", "-");
    expect(log.messages("info")).toEqual([
      `Embedded NATS server started: ${url} (server_name: ${name}-x1Z)`,
    ]);
    const pid = pidOf(nats);
    await nats.stop(PATIENTLY);
    expect(isAlive(pid)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("EmbeddedNats says at once, and why, when the port is in use", async () => {
    const { nats, url } = await create();
    await occupy(url);
    const startedMs = performance.now();

    const reason = await nats.start().catch(errorText);

    expect(reason).toBe(
      "failed to start embedded NATS server, cause: " +
        `listen tcp ${url.slice("nats://".length)}: bind: address already in use`,
    );
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });

  test("EmbeddedNats says at once that a JetStream cluster needs routes", async () => {
    const clusterAddr = `nats://127.0.0.1:${await freePort()}`;
    const { nats } = await create({ isJetstream: true, clusterAddr });

    expect(await nats.start().catch(errorText)).toStartWith(
      "failed to start embedded NATS server, cause: JetStream cluster requires configured routes",
    );
  });

  test("EmbeddedNats says why JetStream cannot store", async () => {
    const { nats } = await create({ isJetstream: true, storeDir: "/proc/nowhere" });

    expect(await nats.start().catch(errorText)).toMatch(
      /^failed to start embedded NATS server, cause: .*\/proc\/nowhere/,
    );
  });

  test("EmbeddedNats starts a server again that died, logs it, and health tells in between", async () => {
    const { nats, log, url, returns } = await create();
    await nats.start();
    const link = await connect(url);

    process.kill(pidOf(nats), "SIGKILL");

    await until("the bad news", () => nats.health() !== null);
    expect(nats.health()).toBe("embedded NATS server is down: it was ended by SIGKILL");
    await until("the good news", () => nats.health() === null);
    await until("the client", () => link.isUp);
    expect(log.messages("error")).toEqual(["embedded NATS server ended unexpectedly"]);
    expect(log.messages("info")).toContain("embedded NATS server is back");
    expect(returns).toEqual(["back"]);
  });

  test("EmbeddedNats leaves a server alone that ends when its process is about to end", async () => {
    const { nats, log } = await create();
    await nats.start();

    nats.expectEnd();
    process.kill(pidOf(nats), "SIGTERM");

    await until("the end", () => nats.pid === null);
    expect(log.messages("warn")).toEqual([
      "embedded NATS server ended before the shutdown was over",
    ]);
    expect(log.messages("error")).toEqual([]);
    expect(nats.health()).toBeNull();
  }, 20_000);

  test("EmbeddedNats removes what a start that failed has stored under a made-up name", async () => {
    const { nats, url } = await create({ isJetstream: true });
    await occupy(url);
    await nats.start().catch(errorText);

    await nats.stop(PATIENTLY);

    expect(readdirSync(join(folder, "nats-data"))).toEqual([]);
  }, 20_000);

  test("EmbeddedNats gives up on a server that does not come back, and says why", async () => {
    let pace = 1;
    const clock: Clock = {
      now: () => CLOCK.now(),
      after: (delayMs, callback) => CLOCK.after(delayMs / pace, callback),
    };
    const { nats, fatal, url } = await create({}, clock);
    await nats.start();
    const address = url.slice("nats://".length);
    process.kill(pidOf(nats), "SIGKILL");
    await until("the end", () => nats.pid === null);

    pace = 50;
    await occupy(url);

    await until("the last word", () => fatal.length > 0);
    expect(fatal).toEqual([
      "embedded NATS server cannot be brought back, cause: " +
        `listen tcp ${address}: bind: address already in use`,
    ]);
    expect(nats.health()).not.toBeNull();
  });

  test.each(["works", "hangs"])(
    "EmbeddedNats leaves no server behind that %s when its process is killed",
    async (state) => {
      const port = await freePort();
      const owner = Bun.spawn(
        [process.execPath, join(import.meta.dir, "owner.ts"), String(port), folder],
        { stdout: "pipe", stderr: "inherit" },
      );
      cleanups.push(() => owner.kill("SIGKILL"));
      const { value } = await owner.stdout.getReader().read();
      const pid = Number(Buffer.from(value ?? new Uint8Array()).toString());
      expect(isAlive(pid)).toBe(true);
      // A stopped process takes no other signal.
      if (state === "hangs") process.kill(pid, "SIGSTOP");

      owner.kill("SIGKILL");

      await until("the server is gone", () => !isAlive(pid));
    },
  );

  test("EmbeddedNats keeps what JetStream stored under a lasting name, and only that", async () => {
    const { nats } = await create({ isJetstream: true, name: "n1" });
    await nats.start();
    await nats.stop(PATIENTLY);
    const { nats: nameless } = await create({ isJetstream: true });
    await nameless.start();
    expect(readdirSync(join(folder, "nats-data"))).toHaveLength(2);

    await nameless.stop(PATIENTLY);

    expect(readdirSync(join(folder, "nats-data"))).toEqual(["n1"]);
    expect(existsSync(join(folder, "nats-data/n1/jetstream"))).toBe(true);
  });

  test("EmbeddedNats tells at debug level when JetStream answers", async () => {
    const { nats, log } = await create({ isJetstream: true });

    await nats.start();

    await until("JetStream", () => log.messages("debug").includes("JetStream cluster is ready"));
  });

  test("EmbeddedNats passes the server's own lines on only with debug", async () => {
    const { nats, log } = await create({ isDebug: true, isTrace: true });
    const { nats: quiet, log: quietLog } = await create({ isTrace: true });

    await Promise.all([nats.start(), quiet.start()]);

    expect(log.records).toContainEqual({
      level: "info",
      message: "Server is ready",
      attributes: { context: "enats", service: "nats" },
    });
    expect(quietLog.records.filter(({ attributes }) => "service" in attributes)).toEqual([]);
  });

  test("EmbeddedNats joins two clusters by gateways: messages cross", async () => {
    const gateway = `nats://127.0.0.1:${await freePort()}`;
    const { nats: east, url: urlEast } = await create({
      gatewayAddr: gateway,
      clusterName: "east",
    });
    const { nats: west, url: urlWest } = await create({
      gatewayAddr: `nats://127.0.0.1:${await freePort()}`,
      clusterName: "west",
      gateways: [`east:${gateway}`],
    });
    await Promise.all([east.start(), west.start()]);
    const [linkEast, linkWest] = [await connect(urlEast), await connect(urlWest)];
    let heard = 0;
    linkEast.subscribe("x", () => {
      heard += 1;
    });

    await until("a message crosses", () => {
      linkWest.publish("x", "1");
      return heard > 0;
    });
  });

  test("EmbeddedNats starts a JetStream cluster of one server that has a route to itself", async () => {
    const clusterAddr = `nats://127.0.0.1:${await freePort()}`;
    const { nats, log } = await create({ isJetstream: true, clusterAddr, routes: [clusterAddr] });

    await nats.start();

    expect(nats.health()).toBeNull();
    expect(log.messages("info")[0]).toContain(`routes: ${clusterAddr})`);
  });

  test("EmbeddedNats makes a JetStream cluster of three, of which one may be away", async () => {
    const ports = [await freePort(), await freePort(), await freePort()];
    const routes = ports.map((port) => `nats://127.0.0.1:${port}`);
    const makes = routes.map((clusterAddr, index) =>
      create({ isJetstream: true, name: `n${index}`, clusterAddr, routes }),
    );
    const nodes = await Promise.all(makes);
    const isReady = ({ log }: (typeof nodes)[number]) =>
      log.messages("debug").includes("JetStream cluster is ready");

    await Promise.all(nodes.map(({ nats }) => nats.start()));

    await until("JetStream on all three", () => nodes.every(isReady), 20_000);
    const [first, second] = nodes;
    await first?.nats.stop(PATIENTLY);
    const address = { host: "127.0.0.1", port: Number(new URL(second?.url ?? "").port) };
    const ask = () => askJetStream({ address, timeoutMs: 1000, clock: CLOCK }, "_INBOX.a");
    await until("JetStream without the first", ask, 20_000);
  }, 45_000);

  test("EmbeddedNats says at once when the port of routes is in use", async () => {
    const { url } = await started(await create());
    const { nats } = await create({ clusterAddr: url });

    expect(await nats.start().catch(errorText)).toBe(
      "failed to start embedded NATS server, cause: " +
        `listen tcp ${url.slice("nats://".length)}: bind: address already in use`,
    );
  });

  test("EmbeddedNats joins a cluster by routes: messages cross", async () => {
    const [c1, c2] = [await freePort(), await freePort()];
    const cluster = { clusterAddr: `nats://127.0.0.1:${c1}` };
    const { nats: a, url: urlA } = await create(cluster);
    const { nats: b, url: urlB } = await create({
      clusterAddr: `nats://127.0.0.1:${c2}`,
      routes: [`nats://127.0.0.1:${c1}`],
    });
    await Promise.all([a.start(), b.start()]);
    const [linkA, linkB] = [await connect(urlA), await connect(urlB)];
    let heard = 0;
    linkB.subscribe("x", () => {
      heard += 1;
    });

    await until("a message crosses", () => {
      linkA.publish("x", "1");
      return heard > 0;
    });
  });

  test("EmbeddedNats stops at once when there is no time left", async () => {
    const { nats } = await create();
    await nats.start();
    const pid = pidOf(nats);
    process.kill(pid, "SIGSTOP");

    await nats.stop(AbortSignal.abort());

    expect(isAlive(pid)).toBe(false);
  });
});

function pidOf(nats: EmbeddedNats): number {
  const { pid } = nats;
  if (pid === null) throw new Error("there is no server");
  return pid;
}

/** False also for one that has ended and that nobody has asked after: its new parent may not care. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    // No such process.
    return false;
  }
}
