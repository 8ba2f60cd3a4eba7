import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { Forwarder } from "../../support/forwarder.ts";
import { HAS_NATS, NatsServer, natsTitle } from "../../support/nats-server.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { freePort } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";
import { expectSilence, welcomed, welcomedWithSid } from "../../support/welcomed.ts";
import { EXT, pubsub } from "../../support/wire.ts";

setDefaultTimeout(60_000);

const CHAT = pubsub("chat/1");
const BROKER = ["--public", "--norpc", "--broker=nats", "--pubsub=nats"];

function node(url: string, ...args: readonly string[]): Promise<Cableway> {
  return Cableway.start([...BROKER, `--nats_servers=${url}`, ...args]);
}

async function listener(server: Cableway): Promise<RawClient> {
  const client = await welcomed(server, { subprotocol: EXT });
  await client.subscribe(CHAT);
  return client;
}

async function publish(server: Cableway, text: string): Promise<number> {
  const body = JSON.stringify({ stream: "chat/1", data: JSON.stringify(text) });
  return (await server.fetch("/_broadcast", { method: "POST", body })).status;
}

/** The frame of a stored publication. */
function stored(text: string, epoch: string, offset: number): unknown {
  return { identifier: CHAT, message: text, stream_id: "chat/1", epoch, offset };
}

async function epochOf(server: Cableway): Promise<string> {
  await server.logged("NATS broker is ready", 25_000);
  return /NATS broker is ready .*epoch=(\S+)/.exec(server.log)?.[1] ?? "";
}

describe.skipIf(!HAS_NATS)(natsTitle("The NATS broker"), () => {
  test("messaging#35 The name chat/1 is no trouble: 201, offset 1, and both nodes share one epoch", async () => {
    await using nats = await stoppable(await NatsServer.startJetStream());
    await using first = await node(nats.url);
    await using second = await node(nats.url);
    const epoch = await epochOf(first);
    using client = await listener(second);

    expect(await publish(first, "one")).toBe(201);
    expect(await publish(second, "two")).toBe(201);

    expect(await epochOf(second)).toBe(epoch);
    expect([await client.next(), await client.next()]).toEqual([
      stored("one", epoch, 1),
      stored("two", epoch, 2),
    ]);
  });

  test("A batch with a message that NATS will never take is acknowledged, and the others are delivered once", async () => {
    await using nats = await stoppable(await NatsServer.startJetStream());
    await using server = await node(nats.url);
    const epoch = await epochOf(server);
    using client = await listener(server);
    const batch = ["small", "x".repeat(1_048_576 - 30), "last"].map((text) => ({
      stream: "chat/1",
      data: JSON.stringify(text),
    }));

    const answer = await server.fetch("/_broadcast", {
      method: "POST",
      body: JSON.stringify(batch),
    });

    expect(answer.status).toBe(201);
    expect([await client.next(), await client.next()]).toEqual([
      stored("small", epoch, 1),
      stored("last", epoch, 2),
    ]);
    await server.logged("failed to publish message");
  });

  test("A client is restored on another node and gets what it missed", async () => {
    await using nats = await stoppable(await NatsServer.startJetStream());
    await using first = await node(nats.url);
    await using second = await node(nats.url);
    const epoch = await epochOf(first);
    await epochOf(second);
    const { client, sid } = await welcomedWithSid(first, { subprotocol: EXT });
    await client.subscribe(CHAT);
    expect(await publish(first, "seen")).toBe(201);
    await client.next();
    client.drop();
    expect(await publish(first, "missed")).toBe(201);

    using back = await second.connect({ subprotocol: EXT, path: `/cable?sid=${sid}` });
    expect(await back.next()).toMatchObject({ restored: true, restored_ids: [CHAT] });
    const streams = { "chat/1": { epoch, offset: 1 } };
    back.send({ command: "history", identifier: CHAT, history: { streams } });

    expect([await back.next(), await back.next()]).toEqual([
      stored("missed", epoch, 2),
      { type: "confirm_history", identifier: CHAT },
    ]);
  });

  test("Connected clients get, once and in order, what was published while their node was off the network", async () => {
    await using nats = await stoppable(await NatsServer.startJetStream());
    await using network = await Forwarder.start(nats.port);
    await using first = await node(`nats://127.0.0.1:${network.port}`);
    await using second = await node(nats.url);
    const epoch = await epochOf(first);
    await epochOf(second);
    using client = await listener(first);
    expect(await publish(second, "before")).toBe(201);
    expect(await client.next()).toEqual(stored("before", epoch, 1));

    network.redirect(await freePort());
    // Both connections are lost: the one to other nodes, and the one to JetStream.
    await first.loggedTimes("connection failed", 2);
    for (const text of ["one", "two"]) expect(await publish(second, text)).toBe(201);
    network.redirect(nats.port);

    expect([await client.next(), await client.next()]).toEqual([
      stored("one", epoch, 2),
      stored("two", epoch, 3),
    ]);
    expect(await publish(second, "after")).toBe(201);
    expect(await client.next()).toEqual(stored("after", epoch, 4));
    await expectSilence(client);
  });

  test("Presence is one set for all nodes: one join, a total of two, one leave", async () => {
    await using nats = await stoppable(await NatsServer.startJetStream());
    await using first = await node(nats.url, "--presence_ttl=2");
    await using second = await node(nats.url, "--presence_ttl=2");
    await Promise.all([epochOf(first), epochOf(second)]);
    using watcher = await listener(second);
    using vera = await listener(first);

    vera.send({ command: "join", identifier: CHAT, presence: { id: "42", info: { name: "V" } } });
    const joined = { id: "42", info: { name: "V" }, type: "join" };
    expect(await watcher.next()).toEqual({ type: "presence", identifier: CHAT, message: joined });
    watcher.send({ command: "presence", identifier: CHAT });
    const records = [{ info: { name: "V" }, id: "42" }];
    expect(await watcher.next()).toEqual({
      type: "presence",
      identifier: CHAT,
      message: { type: "info", total: 1, records },
    });
    vera.send({ command: "leave", identifier: CHAT });

    expect(await watcher.next()).toEqual({
      type: "presence",
      identifier: CHAT,
      message: { id: "42", type: "leave" },
    });
  });

  test("Members of a node that was killed leave within their time to live and two seconds", async () => {
    await using nats = await stoppable(await NatsServer.startJetStream());
    await using first = await node(nats.url, "--presence_ttl=2");
    await using second = await node(nats.url, "--presence_ttl=2");
    await Promise.all([epochOf(first), epochOf(second)]);
    using watcher = await listener(second);
    const vera = await listener(first);
    vera.send({ command: "join", identifier: CHAT, presence: { id: "42" } });
    expect(await watcher.next()).toMatchObject({ message: { type: "join" } });

    const killedAt = performance.now();
    first.signal("SIGKILL");

    expect(await watcher.next(8000)).toMatchObject({ message: { id: "42", type: "leave" } });
    expect(performance.now() - killedAt).toBeLessThan(6000);
  });

  test("A NATS that is restarted under load loses no publication that was answered 201", async () => {
    await using nats = await stoppable(await NatsServer.startJetStream());
    await using server = await node(nats.url, "--history_limit=1000");
    const epoch = await epochOf(server);
    using client = await listener(server);
    const sent: string[] = [];
    for (let n = 0; n < 1000 && sent.length < 120; n += 1) {
      if (n === 80) {
        await nats.kill();
        setTimeout(() => void nats.start(), 300);
      }
      if ((await publish(server, `m${n}`)) === 201) sent.push(`m${n}`);
      // The load goes on over the outage and past it.
      await Bun.sleep(15);
    }
    await until(
      "publications are taken again",
      async () => (await publish(server, "end")) === 201,
      20_000,
    );

    const streams = { "chat/1": { epoch, offset: 1 } };
    client.send({ command: "history", identifier: CHAT, history: { streams } });
    const heard = new Map<number, string>();
    for (;;) {
      const frame = (await client.next(10_000)) as {
        type?: string;
        offset?: number;
        message?: string;
      }; // a test's view
      expect(frame.type).not.toBe("reject_history");
      if (frame.type === "confirm_history") break;
      if (frame.offset !== undefined) heard.set(frame.offset, String(frame.message));
    }

    const texts = [...heard.values()];
    const missing = sent.filter((text) => !texts.includes(text));
    const doubled = sent.filter(
      (text) => texts.filter((heardText) => heardText === text).length > 1,
    );
    process.stdout.write(
      `NATS restarted: sent ${sent.length}, received ${texts.length}, missing ${missing.length}, doubled ${doubled.length}\n`,
    );
    expect({ missing, doubled }).toEqual({ missing: [], doubled: [] });
  });
});

describe.skipIf(!HAS_NATS)(natsTitle("An embedded JetStream cluster"), () => {
  test("messaging#38 Without routes the start fails and names them; with a route to itself it starts", async () => {
    const cluster = await freePort();
    const address = `--enats_addr=nats://127.0.0.1:${await freePort()}`;
    const flags = ["--embed_nats", address, `--enats_cluster=nats://127.0.0.1:${cluster}`];

    const { exitCode, output } = await Cableway.run([...BROKER, ...flags]);
    await using server = await Cableway.start([
      ...BROKER,
      ...flags,
      `--enats_cluster_routes=nats://127.0.0.1:${cluster}`,
    ]);

    expect(exitCode).toBe(1);
    expect(output).toContain("JetStream cluster requires configured routes");
    expect((await server.fetch("/health")).status).toBe(200);
  });

  test("One of three nodes is killed and comes back: the others go on, and it catches up", async () => {
    const ports = await Promise.all([freePort(), freePort(), freePort()]);
    const clusters = await Promise.all([freePort(), freePort(), freePort()]);
    const routes = clusters.map((port) => `nats://127.0.0.1:${port}`).join(",");
    const start = (index: number) =>
      Cableway.start([
        ...BROKER,
        "--nats_replicas=3",
        "--embed_nats",
        `--enats_server_name=n${index}`,
        `--enats_addr=nats://127.0.0.1:${ports[index]}`,
        `--enats_cluster=nats://127.0.0.1:${clusters[index]}`,
        `--enats_cluster_routes=${routes}`,
      ]);
    const [first, second, third] = await Promise.all([start(0), start(1), start(2)]);
    await using _first = first;
    await using _second = second;
    const epoch = await epochOf(first);
    await Promise.all([epochOf(second), epochOf(third)]);
    using client = await listener(second);
    expect(await publish(first, "before")).toBe(201);

    third.signal("SIGKILL");
    await third.exited();
    await until(
      "publications are taken again",
      async () => (await publish(first, "while")) === 201,
    );
    await using returned = await start(2);
    expect(await epochOf(returned)).toBe(epoch);
    using late = await listener(returned);
    await until(
      "the returned node publishes",
      async () => (await publish(returned, "after")) === 201,
    );

    const heard: string[] = [];
    while (heard.at(-1) !== "after") {
      heard.push(String(((await client.next(10_000)) as { message?: string }).message)); // a test's view
    }
    process.stdout.write(`one of three killed: received ${heard.join(", ")}\n`);
    expect(heard).toEqual(["before", "while", "after"]);
    expect(await late.next()).toMatchObject({ message: "after", epoch });
  });
});

/** A server that ends with its test. */
async function stoppable(server: NatsServer): Promise<NatsServer & AsyncDisposable> {
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.stop() });
}
