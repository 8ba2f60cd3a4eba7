import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TRANSPORTS } from "../../support/chat/chat-backend.ts";
import { ChatServer } from "../../support/chat/chat-server.ts";
import { unixSeconds } from "../../support/tokens.ts";
import { channel, EXT, perform } from "../../support/wire.ts";

setDefaultTimeout(20_000);

interface Positioned {
  readonly stream_id: string;
  readonly epoch: string;
  readonly offset: number;
}

describe.each([...TRANSPORTS])("AnyT streams over %s", (transport) => {
  let chat: ChatServer;

  beforeAll(async () => {
    chat = await ChatServer.start(transport);
  });
  afterAll(async () => {
    await chat[Symbol.asyncDispose]();
  });

  test("Single stream: publications arrive until the client unsubscribes", async () => {
    const identifier = channel("Streams", { streams: ["single"] });
    using client = await chat.subscribed(identifier);

    await chat.server.publish("single", { n: 1 });
    await chat.server.publish("single", { n: 2 });
    expect(await client.messages(2)).toMatchObject([
      { identifier, message: { n: 1 } },
      { identifier, message: { n: 2 } },
    ]);

    client.send({ command: "unsubscribe", identifier });
    client.send({ command: "ping" });
    expect(await client.next()).toEqual({ type: "pong" });
    await chat.server.publish("single", { n: 3 });
    expect(await client.within(500)).toEqual([]);
  });

  test("Single stream: two identifiers get a frame each", async () => {
    const plain = channel("Streams", { streams: ["shared"] });
    const other = channel("Streams", { streams: ["shared"], some: "param" });
    using client = await chat.subscribed(plain);
    await client.subscribe(other);

    await chat.server.publish("shared", 1);

    const frames = (await client.messages(2)) as readonly { readonly identifier: string }[];
    expect(frames.map(({ identifier }) => identifier).toSorted()).toEqual(
      [plain, other].toSorted(),
    );
  });

  test("Multiple streams: both are heard until the client unsubscribes", async () => {
    const identifier = channel("Streams", { streams: ["multi-a", "multi-b"] });
    using client = await chat.subscribed(identifier);

    for (const stream of ["multi-a", "multi-b"]) {
      await chat.server.publish(stream, stream);
      expect(await client.next()).toMatchObject({ identifier, message: stream });
    }
    client.send({ command: "unsubscribe", identifier });
    client.send({ command: "ping" });
    expect(await client.next()).toEqual({ type: "pong" });
    for (const stream of ["multi-a", "multi-b"]) await chat.server.publish(stream, stream);

    expect(await client.within(500)).toEqual([]);
  });

  test("Many clients: all hear a publication; whoever unsubscribed does not", async () => {
    const identifier = channel("Streams", { streams: ["many"] });
    using alice = await chat.subscribed(identifier);
    using bob = await chat.subscribed(identifier);

    await chat.server.publish("many", 1);
    for (const client of [alice, bob]) expect(await client.next()).toMatchObject({ message: 1 });
    alice.send({ command: "unsubscribe", identifier });
    alice.send({ command: "ping" });
    await alice.next();
    await chat.server.publish("many", 2);

    expect(await bob.next()).toMatchObject({ message: 2 });
    expect(await alice.within(300)).toEqual([]);
  });

  test("Stop stream: an action stops one of two streams", async () => {
    const identifier = channel("Streams", { streams: ["stop-a", "stop-b"] });
    using client = await chat.subscribed(identifier);

    client.send(perform(identifier, '{"action":"stop","stream":"stop-a"}'));
    expect(await client.next()).toEqual({ identifier, message: "stopped" });
    for (const stream of ["stop-a", "stop-b"]) await chat.server.publish(stream, stream);

    expect(await client.next()).toMatchObject({ message: "stop-b" });
    expect(await client.within(300)).toEqual([]);
  });

  test("Publications: an object stays one, a text stays one, also when it looks like JSON", async () => {
    const identifier = channel("Streams", { streams: ["data"] });
    using client = await chat.subscribed(identifier);

    for (const message of [{ a: { b: [1] } }, "<script>alert(1)</script>", '{"a":1}']) {
      await chat.server.publish("data", JSON.stringify(message));
      expect(await client.next()).toMatchObject({ identifier, message });
    }
  });

  test("Broadcast from an action: everybody hears it, the actor too", async () => {
    const identifier = channel("Streams", { streams: ["action"] });
    using alice = await chat.subscribed(identifier);
    using bob = await chat.subscribed(identifier);

    alice.send(perform(identifier, '{"action":"broadcast","stream":"action","data":"hey"}'));

    for (const client of [alice, bob]) {
      expect(await client.next()).toMatchObject({ identifier, message: "hey" });
    }
  });

  test("Broadcast to others: everybody but the actor hears it", async () => {
    const identifier = channel("Streams", { streams: ["others"] });
    using alice = await chat.subscribed(identifier);
    using bob = await chat.subscribed(identifier);
    using carol = await chat.subscribed(identifier);

    alice.send(perform(identifier, '{"action":"toOthers","stream":"others","data":"hey"}'));

    for (const client of [bob, carol]) {
      expect(await client.next()).toMatchObject({ identifier, message: "hey" });
    }
    expect(await alice.within(500)).toEqual([]);
  });

  test("Whisper: everybody but the whisperer hears it", async () => {
    const identifier = channel("Whisper", { room: "whisper" });
    using alice = await chat.subscribed(identifier);
    using bob = await chat.subscribed(identifier);
    using carol = await chat.subscribed(identifier);

    alice.send({ command: "whisper", identifier, data: { event: "typing" } });

    for (const client of [bob, carol]) {
      expect(await client.next()).toEqual({ identifier, message: { event: "typing" } });
    }
    expect(await alice.within(500)).toEqual([]);
  });

  test("History by time: what was published before the subscription comes in order", async () => {
    const identifier = channel("Streams", { streams: ["past"] });
    await chat.server.publish("past", 1);
    await chat.server.publish("past", 2);
    using client = await chat.subscribed(identifier, { subprotocol: EXT });

    client.send({ command: "history", identifier, history: { since: unixSeconds(-30) } });

    const done = { type: "confirm_history", identifier };
    expect(await client.messages(3)).toMatchObject([{ message: 1 }, { message: 2 }, done]);
  });

  test("History by offset: a client gets what came after the position it knows", async () => {
    const identifier = channel("Streams", { streams: ["offset"] });
    using alice = await chat.subscribed(identifier, { subprotocol: EXT });
    await chat.server.publish("offset", "known");
    await chat.server.publish("offset", "missed");
    expect(await alice.next()).toMatchObject({ message: "known", offset: 1 });
    const seen = (await alice.next()) as Positioned;
    expect([seen.stream_id, seen.offset]).toEqual(["offset", 2]);

    using bob = await chat.subscribed(identifier, { subprotocol: EXT });
    const streams = { offset: { offset: seen.offset - 1, epoch: seen.epoch } };
    bob.send({ command: "history", identifier, history: { streams } });

    expect(await bob.next()).toMatchObject({ identifier, message: "missed", offset: 2 });
    expect(await bob.next()).toEqual({ type: "confirm_history", identifier });
  });

  test("Subscribe with history: the confirmation comes first, then the past", async () => {
    const identifier = channel("Streams", { streams: ["with"] });
    await chat.server.publish("with", 1);
    using client = await chat.welcomed({ subprotocol: EXT });

    await client.subscribe(identifier, { history: { since: unixSeconds(-30) } });

    const done = { type: "confirm_history", identifier };
    expect(await client.messages(2)).toMatchObject([{ identifier, message: 1 }, done]);
  });

  test("Restore: a client of the extended protocol comes back to its streams", async () => {
    const identifier = channel("Streams", { streams: ["back"] });
    using lost = await chat.server.connect({ subprotocol: EXT });
    const { sid } = (await lost.next()) as { readonly sid: string };
    await lost.subscribe(identifier);
    await chat.server.publish("back", 1);
    expect(await lost.next()).toMatchObject({ message: 1 });
    lost.drop();

    const headers = { "X-ANYCABLE-RESTORE-SID": sid };
    using found = await chat.server.connect({ subprotocol: EXT, headers });
    expect(await found.next()).toMatchObject({ type: "welcome", restored: true });
    await chat.server.publish("back", 2);

    expect(await found.next()).toMatchObject({ identifier, message: 2 });
  });
});
