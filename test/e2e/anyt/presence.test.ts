import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TRANSPORTS } from "../../support/chat/chat-backend.ts";
import { ChatServer } from "../../support/chat/chat-server.ts";
import { BASE, channel, EXT, perform } from "../../support/wire.ts";

setDefaultTimeout(20_000);

describe.each([...TRANSPORTS])("AnyT presence over %s", (transport) => {
  let chat: ChatServer;

  beforeAll(async () => {
    chat = await ChatServer.start(transport);
  });
  afterAll(async () => {
    await chat[Symbol.asyncDispose]();
  });

  test.concurrent("Presence on subscribe: all hear who joins, and after the TTL who has gone", async () => {
    const watch = channel("Presence", { room: "p1" });
    const member = (user: string) => channel("Presence", { room: "p1", user });
    using watcher = await chat.subscribed(watch, { subprotocol: BASE });
    using bob = await chat.subscribed(member("2024"), { subprotocol: EXT });
    const joined = { type: "presence", message: { type: "join", id: "2024" } };
    expect(await watcher.next()).toEqual({ ...joined, identifier: watch });
    expect(await bob.next()).toEqual({ ...joined, identifier: member("2024") });

    using carol = await chat.subscribed(member("2025"), { subprotocol: EXT });
    for (const client of [watcher, bob, carol]) {
      expect(await client.next()).toMatchObject({ message: { type: "join", id: "2025" } });
    }
    bob.drop();

    for (const client of [watcher, carol]) {
      expect(await client.next()).toMatchObject({ message: { type: "leave", id: "2024" } });
    }
  });

  test.concurrent("Presence of clones: an id joins with the first session and leaves with the last", async () => {
    const watch = channel("Presence", { room: "p2" });
    const member = channel("Presence", { room: "p2", user: "7" });
    using watcher = await chat.subscribed(watch);
    using bob = await chat.subscribed(member, { subprotocol: EXT });
    expect(await watcher.next()).toMatchObject({ message: { type: "join", id: "7" } });
    expect(await bob.next()).toMatchObject({ message: { type: "join", id: "7" } });

    using clone = await chat.subscribed(member, { subprotocol: EXT });
    expect(await watcher.within(500)).toEqual([]);
    bob.drop();
    expect(await watcher.within(2200)).toEqual([]);
    clone.drop();

    expect(await watcher.next(6000)).toMatchObject({ message: { type: "leave", id: "7" } });
  });

  test.concurrent("Presence by actions: follow joins and unfollow leaves, for both", async () => {
    const identifier = channel("Presence", { room: "p3" });
    using alice = await chat.subscribed(identifier);
    using bob = await chat.subscribed(identifier);

    alice.send(perform(identifier, '{"action":"follow","user":"42"}'));
    for (const client of [alice, bob]) {
      expect(await client.next()).toMatchObject({ message: { type: "join", id: "42" } });
    }
    alice.send(perform(identifier, '{"action":"unfollow"}'));

    for (const client of [alice, bob]) {
      expect(await client.next()).toMatchObject({ message: { type: "leave", id: "42" } });
    }
  });
});
