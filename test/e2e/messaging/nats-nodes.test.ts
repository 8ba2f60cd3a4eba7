import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Cableway } from "../../support/cableway.ts";
import { Follower } from "../../support/follower.ts";
import { HttpProducers } from "../../support/http-producers.ts";
import { HAS_NATS, NatsServer, natsTitle } from "../../support/nats-server.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { freePort } from "../../support/redis-server.ts";
import { printTally, tally } from "../../support/tally.ts";
import { jwt } from "../../support/tokens.ts";
import { until } from "../../support/until.ts";
import { expectMetrics, expectSilence, linesWith, welcomed } from "../../support/welcomed.ts";
import { pubsub } from "../../support/wire.ts";

setDefaultTimeout(60_000);

const CHAT = pubsub("chat/1");
const CHANNEL = "__anycable__";
const COMMANDS = "__anycable_internal__";
const WAYS = ["--broadcast_adapter=http,nats", "--pubsub=nats"] as const;

/** A NATS that tells which subjects are subscribed to; ended with the test. */
async function startNats(...args: readonly string[]) {
  const monitor = await freePort();
  const nats = await NatsServer.start("-m", `${monitor}`, ...args);
  /** Subjects of all connections but internal ones of the clients, sorted. */
  const subjects = async (): Promise<readonly string[]> => {
    const answer = await fetch(`http://127.0.0.1:${monitor}/connz?subs=1`);
    const { connections } = (await answer.json()) as Connections; // as the server's documentation says
    const all = connections.flatMap(({ subscriptions_list = [] }) => subscriptions_list);
    return all.filter((subject) => !subject.startsWith("_INBOX")).sort();
  };
  const url = `--nats_servers=${nats.url}`;
  return { nats, url, subjects, [Symbol.asyncDispose]: () => nats.stop() };
}

interface Connections {
  readonly connections: readonly { readonly subscriptions_list?: readonly string[] }[];
}

function node(url: string, ...args: readonly string[]): Promise<Cableway> {
  return Cableway.start(["--public", "--norpc", ...WAYS, url, ...args]);
}

async function listener(server: Cableway): Promise<RawClient> {
  const client = await welcomed(server);
  await client.subscribe(CHAT);
  return client;
}

/** What an application publishes through NATS. */
async function publishToNats(nats: NatsServer, ...bodies: readonly string[]): Promise<void> {
  const connection = await nats.connect();
  for (const body of bodies) connection.publish(CHANNEL, body);
  await connection.drain();
}

function chat(value: number) {
  return { stream: "chat/1", data: `${value}` };
}

describe.skipIf(!HAS_NATS)(natsTitle("Nodes on one NATS"), () => {
  test("A publication by HTTP or by NATS reaches the clients of all three nodes, once", async () => {
    await using room = await startNats();
    await using first = await node(room.url);
    await using second = await node(room.url);
    await using third = await node(room.url);
    using a = await listener(first);
    using b = await listener(second);
    using c = await listener(third);
    const expectAll = async (...values: readonly number[]): Promise<void> => {
      for (const client of [a, b, c]) {
        const expected = values.map((message) => ({ identifier: CHAT, message }));
        expect(await client.messages(values.length)).toEqual(expected);
        await expectSilence(client);
      }
    };

    await first.publish("chat/1", 1);
    await expectAll(1);
    await first.broadcast([chat(2), chat(3)]);
    await expectAll(2, 3);
    await publishToNats(room.nats, JSON.stringify(chat(4)), JSON.stringify([chat(5), chat(6)]));
    await expectAll(4, 5, 6);
  });

  test("messaging#41 `[null]` and a batch with null stop no node, by NATS either", async () => {
    await using room = await startNats();
    await using first = await node(room.url);
    await using second = await node(room.url);
    using a = await listener(first);
    using b = await listener(second);

    await publishToNats(room.nats, "[null]", "null", JSON.stringify([chat(1), null, {}, chat(2)]));

    for (const client of [a, b]) {
      for (const message of [1, 2])
        expect(await client.next()).toEqual({ identifier: CHAT, message });
    }
    for (const server of [first, second]) {
      await expectMetrics(server, { failed_broadcast_msg_total: 2, broadcast_msg_total: 2 });
      expect(linesWith(server, "WRN failed to parse pubsub message", "[null]")).toHaveLength(1);
    }
  });

  test("A disconnect by HTTP ends all sessions of the identifiers, on all nodes", async () => {
    await using room = await startNats();
    const args = ["--jwt_secret=k", "--norpc", ...WAYS, room.url];
    await using first = await Cableway.start(args);
    await using second = await Cableway.start(args);
    const arrive = (server: Cableway, user: string) =>
      welcomed(server, { path: `/cable?jid=${jwt("k", { ext: user })}` });
    using other = await arrive(second, "43");
    const places = [first, first, second, second];
    const sessions = await Promise.all(places.map((server) => arrive(server, "42")));

    await first.disconnect("42");

    const text = '{"type":"disconnect","reason":"remote","reconnect":false}';
    for (const session of sessions) {
      expect(await session.nextText()).toBe(text);
      expect(await session.closed()).toEqual({ code: 1000, reason: "Closed remotely" });
    }
    await expectSilence(other);
  });

  test("A node hears only streams with clients, and leaves each with its last session", async () => {
    await using room = await startNats();
    await using first = await node(room.url);
    await using second = await node(room.url);
    const own = [CHANNEL, COMMANDS, CHANNEL, COMMANDS];
    const subjectsBecome = async (...streams: readonly string[]): Promise<void> => {
      const expected = [...own, ...streams].sort();
      const isReached = async () => Bun.deepEquals(await room.subjects(), expected);
      await until(`subjects ${expected}`, isReached);
    };
    using a = await welcomed(first);
    using b = await welcomed(first);
    await subjectsBecome();
    for (const client of [a, b]) {
      for (const stream of ["x", "y"]) await client.subscribe(pubsub(stream));
    }
    await subjectsBecome("x", "y");

    a.send({ command: "unsubscribe", identifier: pubsub("x") });
    a.send({ command: "unsubscribe", identifier: pubsub("x") });
    await expectSilence(a);
    await subjectsBecome("x", "y");
    b.send({ command: "unsubscribe", identifier: pubsub("x") });
    await subjectsBecome("y");
    a.drop();
    await second.publish("y", 1);
    expect(await b.next()).toEqual({ identifier: pubsub("y"), message: 1 });
    b.drop();
    await subjectsBecome();
  });

  test("No client can deafen a node to remote commands, nor hear what is not its own", async () => {
    await using room = await startNats();
    const args = ["--jwt_secret=k", "--norpc", "--public_streams", ...WAYS, room.url];
    await using first = await Cableway.start(args);
    await using second = await Cableway.start(args);
    const arrive = (user: string) =>
      welcomed(second, { path: `/cable?jid=${jwt("k", { ext: user })}` });
    using victim = await arrive("42");
    using greedy = await arrive("1");
    for (const name of [COMMANDS, CHANNEL]) {
      const identifier = pubsub(name);
      greedy.send({ command: "subscribe", identifier });
      expect(await greedy.next()).toEqual({ type: "reject_subscription", identifier });
      greedy.send({ command: "unsubscribe", identifier });
    }
    const names = [">", "*", "chat.>", "a b", "a..b", "$SYS.>", "_INBOX.>", "ч"];
    for (const name of names) await greedy.subscribe(pubsub(name));

    await first.publish("chat.1", 0);
    await first.publish("chat", 0);
    for (const name of names) await first.publish(name, name);

    const expected = names.map((name) => ({ identifier: pubsub(name), message: name }));
    expect(await greedy.messages(names.length)).toEqual(expected);
    await expectSilence(greedy);
    greedy.drop();
    await first.disconnect("42");
    expect(await victim.next()).toMatchObject({ type: "disconnect", reason: "remote" });
  });

  test("No client can subscribe to what a channel with wildcards hears: all would get it twice", async () => {
    await using room = await startNats();
    await using server = await node(room.url, "--nats_channel=app.*.events");
    using client = await welcomed(server);
    const identifier = pubsub("app.x.events");

    client.send({ command: "subscribe", identifier });
    expect(await client.next()).toEqual({ type: "reject_subscription", identifier });

    await client.subscribe(pubsub("app.x"));
    expect(await room.subjects()).toEqual([COMMANDS, "app.*.events", "app.x"]);
  });

  test("A subscription that is confirmed misses nothing that another node publishes from then on", async () => {
    await using room = await startNats();
    await using first = await node(room.url);
    await using second = await node(room.url);
    using client = await welcomed(second);
    using rival = await welcomed(second);

    for (let round = 0; round < 100; round++) {
      const identifier = pubsub(`s${round}`);
      if (round % 2 === 0) rival.send({ command: "subscribe", identifier });
      await client.subscribe(identifier);
      await first.publish(`s${round}`, round);
      expect(await client.next()).toEqual({ identifier, message: round });
    }
  });

  test("1000 publications by 20 publishers on two nodes have one order: offsets 1 to 1000, the same for all", async () => {
    await using room = await startNats("-js");
    const args = ["--broker=nats", "--history_limit=1000"];
    await using first = await node(room.url, ...args);
    await using second = await node(room.url, ...args);
    for (const server of [first, second]) await server.logged("NATS broker is ready", 25_000);
    await using a = await Follower.start("chat/1", () => first);
    await using b = await Follower.start("chat/1", () => second);
    const nodes = Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? first : second));
    const producers = new HttpProducers("chat/1", nodes, 0);
    await until("1000 are taken", () => producers.acknowledged.length >= 1000, 30_000);
    await producers.stop();

    for (const [name, follower] of [
      ["a", a],
      ["b", b],
    ] as const) {
      await follower.hasTaken(producers.acknowledged, 5000);
      const result = tally(producers.acknowledged, follower.taken, producers.unknown);
      printTally(`20 publishers on two nodes with NATS, client ${name}`, result);
      expect(result).toMatchObject({ missing: [], doubled: [] });
    }
    const inOrder = ({ taken, positions }: Follower) =>
      [...positions]
        .map((position, at) => [Number(position.split("/")[1]), taken[at]] as const)
        .sort(([one], [other]) => one - other);
    expect(inOrder(a).map(([offset]) => offset)).toEqual(
      Array.from({ length: a.taken.length }, (_, n) => n + 1),
    );
    expect(inOrder(b)).toEqual(inOrder(a));
  });

  test("A node that gives NATS up tells how many acknowledged publications are lost", async () => {
    await using room = await startNats();
    const config = join(room.nats.folder, "anycable.toml");
    writeFileSync(config, "[nats]\nmax_reconnect_attempts = 2\n");
    await using server = await node(room.url, `--config-path=${config}`);
    await room.nats.kill();
    await server.logged("connection failed");

    await server.publish("chat/1", 1);
    await server.publish("chat/1", 2);

    expect(await server.exited()).toBe(1);
    expect(linesWith(server, "failed to publish message").at(-1)).toContain("dropped=2");
    expect(server.log.trimEnd().split("\n").at(-1)).toBe(
      "failed to reconnect to NATS: attempts exceeded",
    );
  });

  test("SIGTERM ends a node soon with code 0 while NATS is away, and when it hangs", async () => {
    const cases = ["away", "hanging"] as const;
    const endings = cases.map(async (name) => {
      await using room = await startNats("-js");
      await using server = await node(room.url, "--broker=nats");
      await server.logged("NATS broker is ready", 25_000);
      using client = await listener(server);
      if (name === "away") await room.nats.kill();
      else room.nats.hang();
      await Bun.sleep(300);
      const asked = performance.now();
      server.signal("SIGTERM");
      const told = await client.nextText();
      const exitCode = await server.exited(10_000);
      room.nats.resume();
      return { name, told, exitCode, isSoon: performance.now() - asked < 6000 };
    });

    const told = '{"type":"disconnect","reason":"server_restart","reconnect":true}';
    for (const [at, name] of cases.entries()) {
      expect(await endings[at]).toEqual({ name, told, exitCode: 0, isSoon: true });
    }
  });
});
