import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "nats";
import { Cableway } from "../../support/cableway.ts";
import { HAS_NATS, natsTitle } from "../../support/nats-server.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { freePort } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";
import { welcomed } from "../../support/welcomed.ts";
import { pubsub } from "../../support/wire.ts";

setDefaultTimeout(30_000);

const CHAT = pubsub("chat/1");
const PREFIX = "failed to start embedded NATS server";
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function local(): Promise<string> {
  return `nats://127.0.0.1:${await freePort()}`;
}

function node(address: string, ...args: readonly string[]): Promise<Cableway> {
  const ways = ["--public", "--norpc", "--broadcast_adapter=http,nats", "--pubsub=nats"];
  return Cableway.start([...ways, "--embed_nats", `--enats_addr=${address}`, ...args]);
}

async function refusal(...args: readonly string[]): Promise<string> {
  const { exitCode, output } = await Cableway.run([
    "--broadcast_adapter=http",
    "--embed_nats",
    ...args,
  ]);
  expect(exitCode).toBe(1);
  return output;
}

async function listener(server: Cableway): Promise<RawClient> {
  const client = await welcomed(server);
  await client.subscribe(CHAT);
  return client;
}

/** The process of its NATS. */
function childOf({ process: { pid } }: Cableway): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
}

/** Publishes as an application does, until the client has got one: interest crosses gateways in its own time. */
async function expectHeard(client: RawClient, publish: () => unknown): Promise<void> {
  const received = client.next();
  let isHeard = false;
  void received.then(() => {
    isHeard = true;
  });
  await until("a message crosses", async () => {
    await publish();
    return isHeard;
  });
  expect(await received).toEqual({ identifier: CHAT, message: "hi" });
}

describe.skipIf(!HAS_NATS)(natsTitle("Embedded NATS"), () => {
  test("The server refuses an address without scheme or port, with exit code 1 and the reason: messaging#36", async () => {
    const noScheme = await refusal(`--enats_addr=127.0.0.1:${await freePort()}`);
    const noPort = await refusal("--enats_addr=nats://127.0.0.1");

    expect(noScheme).toContain(`${PREFIX}, cause: failed to parse NATS server URL`);
    expect(noPort).toContain(
      `${PREFIX}, cause: failed to parse NATS server URL, can not fetch port`,
    );
  });

  test("The server names the address of an embedded NATS whose port is in use, at once: messaging#36", async () => {
    const taken = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => taken.listen(port, "127.0.0.1", resolve));
    cleanups.push(() => taken.close());

    const output = await refusal(`--enats_addr=nats://127.0.0.1:${port}`);

    const cause = `listen tcp 127.0.0.1:${port}: bind: address already in use`;
    expect(output.trimEnd().split("\n").at(-1)).toBe(`${PREFIX}, cause: ${cause}`);
  });

  test("A message published in one cluster reaches clients of another one through gateways: messaging#37", async () => {
    const [east, gateway] = [await local(), await local()];
    await using first = await node(east, `--enats_gateway=${gateway}`, "--enats_cluster_name=east");
    await using second = await node(
      await local(),
      `--enats_gateway=${await local()}`,
      "--enats_cluster_name=west",
      `--enats_gateways=east:${gateway}`,
    );
    using client = await listener(second);
    const application = await connect({ servers: [east] });
    cleanups.push(() => application.close());
    const body = JSON.stringify({ stream: "chat/1", data: '"hi"' });

    await expectHeard(client, () => application.publish("__anycable__", body));

    expect(first.isRunning).toBe(true);
  });

  test("The embedded NATS ends with its server, also when that is killed", async () => {
    const port = await freePort();
    await using server = await node(`nats://127.0.0.1:${port}`);
    const client = createConnection(port, "127.0.0.1").resume();
    await new Promise((resolve, reject) => client.once("connect", resolve).once("error", reject));
    const closed = new Promise<void>((resolve) => client.once("close", resolve));
    const killedAt = performance.now();

    server.signal("SIGKILL");

    await closed;
    expect(performance.now() - killedAt).toBeLessThan(1000);
    client.destroy();
  });

  test("An embedded NATS that is signalled together with its server is not started again", async () => {
    await using server = await node(await local(), "--shutdown_delay=2");
    server.signal("SIGTERM");
    await server.logged("Shutting down");

    process.kill(childOf(server), "SIGTERM");

    expect(await server.exited()).toBe(0);
    expect(server.log).toContain("embedded NATS server ended before the shutdown was over");
    expect(server.log).not.toContain("ended unexpectedly");
    expect(server.log).not.toContain("is back");
  });

  test("A start that fails leaves nothing of the embedded NATS in the temporary folder", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cableway-e2e-"));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    await using other = await Cableway.start(["--public", "--norpc"]);
    const { host, port } = other;

    const { exitCode, output } = await Cableway.run(
      ["--public", "--norpc", "--embed_nats", "--broker=nats", `--enats_addr=${await local()}`],
      { host, port, env: { TMPDIR: folder } },
    );

    expect(exitCode).toBe(1);
    expect(output).toContain("Embedded NATS server started");
    expect(readdirSync(join(folder, "nats-data"))).toEqual([]);
  });
});
