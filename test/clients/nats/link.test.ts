import { afterEach, describe, expect, test } from "bun:test";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { NatsLink } from "../../../src/clients/nats/link.ts";
import { FakeLog } from "../../support/fake-log.ts";
import {
  CLOCK,
  codeOf,
  HAS_NATS,
  NatsServer,
  natsLink,
  natsTitle,
  PATIENTLY,
} from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function server(...args: readonly string[]): Promise<NatsServer> {
  const started = await NatsServer.start(...args);
  cleanups.push(() => started.stop());
  return started;
}

async function linkTo(servers: readonly string[], given: Parameters<typeof natsLink>[1] = {}) {
  const made = natsLink(servers, given);
  cleanups.push(() => made.link.stop(AbortSignal.abort()));
  await made.link.start();
  return made;
}

/** Collects what arrives on a subject. */
function listen(link: ReturnType<typeof natsLink>["link"], subject: string) {
  const heard: string[] = [];
  const subscription = link.subscribe(subject, (message) => void heard.push(message.string()));
  return { heard, subscription };
}

describe.skipIf(!HAS_NATS)(natsTitle("NatsLink"), () => {
  test("NatsLink delivers what is published, its own messages included, in order", async () => {
    const nats = await server();
    const { link } = await linkTo([nats.url]);
    const { heard, subscription } = listen(link, "a");
    await subscription.ready;

    for (const text of ["1", "ü", ""]) link.publish("a", text);

    await until("three messages", () => heard.length === 3);
    expect(heard).toEqual(["1", "ü", ""]);
  });

  test("NatsLink acknowledges a subscription only when other connections reach it", async () => {
    const nats = await server();
    const { link } = await linkTo([nats.url]);
    const { link: other } = await linkTo([nats.url]);

    for (let n = 0; n < 100; n += 1) {
      const { heard, subscription } = listen(link, `s${n}`);
      await subscription.ready;
      other.publish(`s${n}`, "x");
      await other.confirm();
      await until("the message", () => heard.length === 1);
    }
  });

  test("NatsLink hears nothing after a subscription was closed", async () => {
    const nats = await server();
    const { link } = await linkTo([nats.url]);
    const closed = listen(link, "a");
    const open = listen(link, "a");
    await open.subscription.ready;

    closed.subscription.close();
    link.publish("a", "1");

    await until("the message", () => open.heard.length === 1);
    expect(closed.heard).toEqual([]);
  });

  test("NatsLink uses user and password of the URL, and the next server when one is away", async () => {
    const nats = await server("--user", "u", "--pass", "p4ss");
    const dead = await NatsServer.create();
    cleanups.push(() => dead.stop());

    const { link, log } = await linkTo([dead.url, `nats://u:p4ss@127.0.0.1:${nats.port}`]);

    await link.confirm();
    expect(link.servers).toBe(`${dead.url},${nats.url}`);
    expect(log.messages("warn")).toEqual(["connection failed"]);
  });

  test("NatsLink tells when the password is wrong and goes on trying", async () => {
    const nats = await server("--user", "u", "--pass", "p4ss");

    const { link, log } = await linkTo([`nats://u:no@127.0.0.1:${nats.port}`]);

    expect(link.isUp).toBe(false);
    expect(log.records[0]).toEqual({
      level: "warn",
      message: "connection failed",
      attributes: { url: nats.url, error: "authorization violation" },
    });
  });

  test("NatsLink keeps what is published while NATS is away and sends it in order after subscribing again", async () => {
    const nats = await server();
    const { link, log } = await linkTo([nats.url]);
    const { heard, subscription } = listen(link, "a");
    await subscription.ready;
    await nats.kill();
    await until("the loss", () => !link.isUp);

    for (let n = 0; n < 1000; n += 1) link.publish("a", String(n));
    await nats.start();

    await until("all messages", () => heard.length === 1000);
    link.publish("a", "1000");
    await until("the last one", () => heard.length === 1001);
    expect(heard).toEqual(Array.from({ length: 1001 }, (_, n) => String(n)));
    expect(log.records.filter(({ level }) => level === "info")).toEqual([
      { level: "info", message: "connection restored", attributes: { url: nats.url } },
    ]);
    expect(log.messages("warn")).toEqual(["connection failed"]);
  });

  test("NatsLink refuses to keep more than 8 MiB and keeps what it has taken", async () => {
    const nats = await NatsServer.create();
    cleanups.push(() => nats.stop());
    const { link } = await linkTo([nats.url]);
    const { heard } = listen(link, "a");
    const mebibyte = "x".repeat(1_000_000);

    for (let n = 0; n < 8; n += 1) link.publish("a", mebibyte);
    expect(await codeOf(() => link.publish("a", mebibyte))).toBe("nats_outbox_full");

    await nats.start();
    await until("eight messages", () => heard.length === 8);
  });

  test("NatsLink starts within about a second without NATS and connects once it is there", async () => {
    const nats = await NatsServer.create();
    cleanups.push(() => nats.stop());
    const { link } = await linkTo([nats.url]);
    const { subscription } = listen(link, "a");
    expect(await codeOf(() => link.request("x", { timeoutMs: 100 }))).toBe("nats_unavailable");

    await nats.start();

    await subscription.ready;
    expect(link.isUp).toBe(true);
  });

  test("NatsLink refuses a message over the server's limit and the connection lives", async () => {
    const nats = await server();
    const { link } = await linkTo([nats.url]);
    const { heard, subscription } = listen(link, "a");
    await subscription.ready;

    expect(await codeOf(() => link.publish("a", "x".repeat(1_048_577)))).toBe(
      "nats_payload_too_large",
    );
    const request = { payload: "x".repeat(1_048_577), timeoutMs: 1000 };
    expect(await codeOf(() => link.request("a", request))).toBe("nats_payload_too_large");
    link.publish("a", "x".repeat(1_048_576));

    await until("the large one", () => heard.length === 1);
  });

  test("NatsLink tells which subscription the server refuses, and the others work", async () => {
    const nats = await server("-c", `${import.meta.dir}/permissions.conf`);
    const { link } = await linkTo([`nats://u:p@127.0.0.1:${nats.port}`]);

    const refused = link.subscribe("secret.x", () => undefined);
    const open = link.subscribe("open.x", () => undefined);

    expect(await codeOf(() => refused.ready)).toBe("subscribe_failed");
    await open.ready;
  });

  test("NatsLink survives a handler that throws", async () => {
    const nats = await server();
    const { link, log } = await linkTo([nats.url]);
    const bad = link.subscribe("a", () => {
      throw new Error("broken");
    });
    const { heard, subscription } = listen(link, "b");
    await Promise.all([bad.ready, subscription.ready]);

    link.publish("a", "1");
    link.publish("b", "2");

    await until("the second message", () => heard.length === 1);
    expect(log.messages("error")).toEqual(["failed to deliver"]);
  });

  test("NatsLink gives up once attempts are exhausted after a lost connection, with one message", async () => {
    const nats = await server();
    const { fatal } = await linkTo([nats.url], { maxReconnectAttempts: 1 });

    await nats.kill();

    await until("the end", () => fatal.length > 0);
    expect(fatal).toEqual(["failed to reconnect to NATS: attempts exceeded"]);
  });

  test("NatsLink stops soon while NATS is down", async () => {
    const nats = await server();
    const { link } = await linkTo([nats.url]);
    await nats.kill();
    await until("the loss", () => !link.isUp);
    const startedMs = performance.now();

    await link.stop(PATIENTLY);

    expect(performance.now() - startedMs).toBeLessThan(500);
  });

  test("NatsLink tells how much it had to drop when it stops without NATS, and takes no more", async () => {
    const nats = await server();
    const { link, log } = await linkTo([nats.url]);
    await nats.kill();
    await until("the loss", () => !link.isUp);
    for (const text of ["1", "2", "3"]) link.publish("a", text);

    await link.stop(PATIENTLY);

    const errors = log.records.filter(({ level }) => level === "error");
    expect(errors).toEqual([
      {
        level: "error",
        message: "failed to publish message",
        attributes: { dropped: 3, error: "NATS had not taken it before the end" },
      },
    ]);
    expect(await codeOf(() => link.publish("a", "4"))).toBe("nats_unavailable");
  }, 20_000);

  test("NatsLink connects at once when it is told that its server is back", async () => {
    const nats = await NatsServer.create();
    cleanups.push(() => nats.stop());
    const retries: (() => void)[] = [];
    const pauses: number[] = [];
    const options = { name: "test", servers: [nats.url], isOrdered: true, maxReconnectAttempts: 5 };
    // Pauses between tries are so long that they do not end by themselves.
    const after = (delayMs: number, callback: () => void) => {
      if (delayMs !== 250) return CLOCK.after(delayMs, callback);
      pauses.push(delayMs);
      return CLOCK.after(3_600_000, callback);
    };
    const link = new NatsLink(options, {
      clock: { now: () => CLOCK.now(), after },
      random: () => 0,
      log: new FakeLog(),
      onFatal: () => undefined,
      onServerBack: (retryNow) => void retries.push(retryNow),
    });
    cleanups.push(() => link.stop(AbortSignal.abort()));
    await link.start();
    await until("a pause", () => pauses.length === 1);
    await nats.start();

    for (const retryNow of retries) retryNow();

    await until("the connection", () => link.isUp);
  }, 20_000);

  test("NatsLink lets out what was published before it stops, and stops within 2 s when NATS hangs", async () => {
    const nats = await server();
    const { link } = await linkTo([nats.url]);
    const { link: other } = await linkTo([nats.url]);
    const { heard, subscription } = listen(other, "a");
    await subscription.ready;

    for (let n = 0; n < 500; n += 1) link.publish("a", String(n));
    await link.stop(PATIENTLY);
    await until("all messages", () => heard.length === 500);

    const startedMs = performance.now();
    nats.hang();
    await other.stop(PATIENTLY);
    nats.resume();
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });

  test("NatsLink notices a server that hangs, by unanswered pings, and goes to another one", async () => {
    const [hanging, healthy] = [await server(), await server()];
    const { link, log } = await linkTo([hanging.url, healthy.url], { pingIntervalMs: 100 });

    hanging.hang();
    cleanups.push(() => hanging.resume());

    await until("the other server", () => log.messages("info").length > 0);
    expect(log.records.at(-1)?.attributes["url"]).toBe(healthy.url);
    await link.confirm();
  });
});

describe("NatsLink before a server that is none", () => {
  test("NatsLink starts and stops in time before a peer that takes connections and says nothing", async () => {
    const silent = await silentPeer();
    const startedMs = performance.now();

    const { link } = await linkTo([`nats://127.0.0.1:${(silent.address() as AddressInfo).port}`]);
    await link.stop(PATIENTLY);

    expect(performance.now() - startedMs).toBeLessThan(2500);
  });
});

async function silentPeer(): Promise<Server> {
  const sockets = new Set<Socket>();
  const peer = createServer((socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => peer.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    peer.close();
  });
  return peer;
}
