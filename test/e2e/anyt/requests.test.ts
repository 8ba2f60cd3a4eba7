import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { TRANSPORTS } from "../../support/chat/chat-backend.ts";
import { ChatServer } from "../../support/chat/chat-server.ts";
import { channel, perform, RESTART, UNAUTHORIZED } from "../../support/wire.ts";

setDefaultTimeout(20_000);

describe.each([...TRANSPORTS])("AnyT requests over %s", (transport) => {
  let chat: ChatServer;

  beforeAll(async () => {
    chat = await ChatServer.start(transport);
  });
  afterAll(async () => {
    await chat[Symbol.asyncDispose]();
  });

  test("Welcome: a client is welcomed with its session id", async () => {
    using client = await chat.server.connect({ headers: { "X-Request-ID": "s1", Cookie: "" } });

    expect(await client.next()).toEqual({ type: "welcome", sid: "s1" });
  });

  test.concurrent("Ping: timestamps are whole numbers that grow", async () => {
    using client = await chat.welcomed({ path: "/cable?pi=1" });

    const pings = [JSON.parse(await client.nextPing()), JSON.parse(await client.nextPing())];

    expect(pings.map(({ message }) => Number.isInteger(message))).toEqual([true, true]);
    expect(pings[1].message).toBeGreaterThan(pings[0].message);
  });

  test("Request: the application sees the URL", async () => {
    const { host, port } = chat.server;

    using client = await chat.welcomed({
      path: `/cable?test=request_url&target=${host}:${port}`,
    });

    expect(client.isOpen).toBe(true);
  });

  test("Request: the application lets in by cookie and by header", async () => {
    const credentials = [
      ["cookies", { Cookie: "username=john green" }],
      ["headers", { "X-Api-Token": "abc" }],
    ] as const;

    for (const [name, headers] of credentials) {
      const path = `/cable?test=${name}`;
      using known = await chat.welcomed({ path, headers });
      expect(known.isOpen).toBe(true);
      using unknown = await chat.server.connect({ path });
      await unknown.closed();
    }
  });

  test("Request: a rejected client is told why and sent away", async () => {
    using client = await chat.server.connect({ path: "/cable?test=reasons" });

    expect(await client.nextText()).toBe(UNAUTHORIZED);
    expect((await client.closed()).code).toBe(1000);
  });

  test("Request: a channel sees the URL of the connection", async () => {
    using client = await chat.subscribed(channel("Request"), { path: "/cable?token=secret" });

    expect(client.isOpen).toBe(true);
  });

  test("Acknowledgement: a channel confirms or rejects", async () => {
    using client = await chat.subscribed(channel("Any"));

    const identifier = channel("Reject");
    client.send({ command: "subscribe", identifier });

    expect(await client.next()).toEqual({ identifier, type: "reject_subscription" });
  });

  test("Params: two subscriptions of one channel are confirmed each with its own identifier", async () => {
    using client = await chat.welcomed();

    for (const id of [1, 2]) await client.subscribe(channel("Any", { id }));
  });

  test("Perform: an action is answered, without arguments and with them", async () => {
    const identifier = channel("Any");
    using client = await chat.subscribed(identifier);

    client.send(perform(identifier, '{"action":"tick"}'));
    client.send(perform(identifier, '{"action":"echo","text":"hello"}'));

    expect(await client.next()).toEqual({ identifier, message: "tock" });
    expect(await client.next()).toEqual({ identifier, message: { response: "hello" } });
  });

  test("Transmissions of a subscription come before its confirmation", async () => {
    const identifier = channel("Hello");
    using client = await chat.welcomed();

    client.send({ command: "subscribe", identifier });

    expect(await client.messages(3)).toEqual([
      { identifier, message: "hello" },
      { identifier, message: "world" },
      { identifier, type: "confirm_subscription" },
    ]);
  });

  test("Channel state is kept from the subscription to the action, and from action to action", async () => {
    const identifier = channel("Counter");
    using client = await chat.subscribed(identifier);

    client.send(perform(identifier, '{"action":"tick"}'));
    client.send(perform(identifier, '{"action":"tick"}'));

    expect(await client.messages(2)).toEqual([
      { identifier, message: { count: 3, name: "john" } },
      { identifier, message: { count: 4, name: "john" } },
    ]);
  });

  test("Client disconnect: every channel of the client that left tells the others", async () => {
    const [one, two] = [channel("Room", { room: "a1" }), channel("Room", { room: "a2" })];
    using stays = await chat.subscribed(one);
    await stays.subscribe(two);
    const leaves = await chat.subscribed(one);
    await leaves.subscribe(two);

    leaves.drop();

    const messages = await stays.messages(2);
    for (const identifier of [one, two]) {
      expect(messages).toContainEqual(
        expect.objectContaining({ identifier, message: "user left" }),
      );
    }
  });

  test("Client disconnect: a channel that was subscribed twice tells twice, each with its own state", async () => {
    const identifier = channel("Room", { room: "b" });
    using stays = await chat.subscribed(identifier);
    const leaves = await chat.subscribed(channel("Room", { room: "b", user: "1" }));
    await leaves.subscribe(channel("Room", { room: "b", user: "2" }));

    leaves.drop();

    const messages = (await stays.messages(2)) as readonly { readonly message: string }[];
    const texts = messages.map(({ message }) => message).toSorted();
    expect(texts).toEqual(["user left1", "user left2"]);
  });

  test("Channel state: an unsubscribed channel knows what it had kept", async () => {
    const identifier = channel("Room", { room: "c" });
    using stays = await chat.subscribed(identifier);
    const leaving = channel("Room", { room: "c", user: " early" });
    using leaves = await chat.subscribed(leaving);

    leaves.send({ command: "unsubscribe", identifier: leaving });

    expect(await stays.next()).toMatchObject({ identifier, message: "user left early" });
  });

  test("Remote disconnect: the application sends a client away that may come back", async () => {
    using client = await chat.welcomed({ path: "/cable?uid=26" });

    await chat.server.disconnect('{"uid":"26"}', true);

    expect(await client.next()).toEqual({ type: "disconnect", reason: "remote", reconnect: true });
    await client.closed();
  });
});

describe.each([...TRANSPORTS])("AnyT restart over %s", (transport) => {
  test("Server restart: clients are told, the process is gone within 3 s, and the port is free again", async () => {
    await using chat = await ChatServer.start(transport);
    using client = await chat.welcomed();

    chat.server.signal();
    expect(await client.nextText()).toBe(RESTART);
    await client.closed();
    expect(await chat.server.exited(3000)).toBe(0);

    const { host, port } = chat.server;
    await using again = await Cableway.start(["--public"], { host, port });
    using back = await again.connect();
    expect(await back.next()).toMatchObject({ type: "welcome" });
  });
});
