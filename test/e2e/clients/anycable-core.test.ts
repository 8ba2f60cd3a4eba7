import { expect, setDefaultTimeout, test } from "bun:test";
import { type Cable, type CreateOptions, createCable, type ProtocolID } from "@anycable/core";
import { Cableway } from "../../support/cableway.ts";
import { TRANSPORTS } from "../../support/chat/chat-backend.ts";
import { ChatServer } from "../../support/chat/chat-server.ts";
import { Mailbox } from "../../support/mailbox.ts";
import { rejection } from "../../support/rejection.ts";
import { jwt, signedStream, unixSeconds } from "../../support/tokens.ts";
import { BASE, EXT } from "../../support/wire.ts";

setDefaultTimeout(30_000);

/** Remembers the sockets of a client, to cut them as a lost network does. */
function recordedSockets(): {
  readonly sockets: WebSocket[];
  readonly Recording: typeof WebSocket;
} {
  const sockets: WebSocket[] = [];
  class Recording extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      sockets.push(this);
    }
  }
  return { sockets, Recording: Recording as unknown as typeof WebSocket }; // narrower constructor: what the client calls
}

/** Takes headers the way the client hands them over. */
class HeaderSocket extends WebSocket {
  constructor(url: string, protocols: string[], { headers = {} }: Headed = {}) {
    super(url, { protocols, headers });
  }
}

interface Headed {
  readonly headers?: Record<string, string>;
}

function cable(
  server: Cableway,
  protocol: ProtocolID,
  options: Partial<CreateOptions<ProtocolID>> = {},
): Cable & Disposable {
  const logLevel = "error";
  const created = createCable(server.cableUrl(), { protocol, logLevel, ...options });
  return Object.assign(created, { [Symbol.dispose]: () => created.disconnect() });
}

test.concurrent.each([...TRANSPORTS])(
  "The AnyCable client subscribes, acts and hears over the base protocol, application over %s",
  async (transport) => {
    await using chat = await ChatServer.start(transport);
    using client = cable(chat.server, BASE);
    const messages = new Mailbox<unknown>();
    const channel = client.subscribeTo("Streams", { streams: ["core"] as unknown as string }); // arrays travel as well
    channel.on("message", messages.put);
    await channel.ensureSubscribed();

    await channel.perform("echo", { text: "hello" });
    expect(await messages.next()).toEqual({ response: "hello" });
    await channel.perform("broadcast", { stream: "core", data: { n: 1 } });
    expect(await messages.next()).toEqual({ n: 1 });
    channel.disconnect();
    await chat.server.publish("core", 2);
    expect(await messages.within(400)).toEqual([]);

    const refused = client.subscribeTo("Reject");
    expect(await rejection(refused.ensureSubscribed())).toContain("Rejected");
  },
);

test.concurrent("The AnyCable client is asked for pongs over the extended protocol and gives them", async () => {
  await using server = await Cableway.start(["--public", "--ping_interval=1", "--pong_timeout=1"]);
  using client = cable(server, EXT, { pingInterval: 1000, protocolOptions: { pongs: true } });
  const lost = new Mailbox<unknown>();
  client.on("disconnect", lost.put);

  await client.connect();

  expect(await lost.within(4500)).toEqual([]);
  expect(client.state).toBe("connected");
});

test.concurrent("The AnyCable client hears public and signed streams, whispers, and is not let into forged ones", async () => {
  await using server = await Cableway.start(["--public", "--streams_secret=s"]);
  for (const protocol of [BASE, EXT] as const) {
    using alice = cable(server, protocol);
    using bob = cable(server, protocol);
    const heard = new Mailbox<unknown>();
    const signed = alice.streamFromSigned(signedStream("s", "signed"));
    const mine = alice.streamFrom("room");
    const his = bob.streamFrom("room");
    for (const channel of [signed, mine]) channel.on("message", heard.put);
    await Promise.all([signed, mine, his].map((channel) => channel.ensureSubscribed()));

    await server.publish("signed", { to: "signed" });
    expect(await heard.next()).toEqual({ to: "signed" });
    await his.whisper({ typing: "bob" });
    expect(await heard.next()).toEqual({ typing: "bob" });

    const forged = alice.streamFromSigned(signedStream("other", "signed"));
    expect(await rejection(forged.ensureSubscribed())).toContain("Rejected");
  }
});

test.concurrent("The AnyCable client comes back after a loss, restored and with all it has missed, in order", async () => {
  await using server = await Cableway.start(["--public", "--broker=memory"]);
  const { sockets, Recording } = recordedSockets();
  const held = Promise.withResolvers<void>();
  using client = cable(server, EXT, {
    websocketImplementation: Recording,
    reconnectStrategy: () => 100,
    transportConfigurator: (_transport, { initial }) =>
      initial ? Promise.resolve() : held.promise,
  });
  const messages = new Mailbox<unknown>();
  const events = new Mailbox<unknown>();
  client.on("connect", events.put);
  const channel = client.streamFrom("news");
  channel.on("message", messages.put);
  await channel.ensureSubscribed();
  expect(await events.next()).toMatchObject({ restored: false });
  await server.publish("news", { n: 1 });
  expect(await messages.next()).toEqual({ n: 1 });

  sockets[0]?.terminate();
  for (const n of [2, 3, 4]) await server.publish("news", { n });
  held.resolve();

  expect(await events.next(10_000)).toMatchObject({ reconnect: true, restored: true });
  for (const n of [2, 3, 4]) expect(await messages.next()).toEqual({ n });
  await server.publish("news", { n: 5 });
  expect(await messages.next()).toEqual({ n: 5 });
  expect(await messages.within(300)).toEqual([]);
});

test.concurrent("The AnyCable client gets the history of a stream when it subscribes", async () => {
  await using server = await Cableway.start(["--public", "--broker=memory"]);
  await server.publish("news", { n: 1 });
  await server.publish("news", { n: 2 });
  using client = cable(server, EXT, { protocolOptions: { historyTimestamp: unixSeconds(-60) } });
  const messages = new Mailbox<unknown>();

  const channel = client.streamFrom("news");
  channel.on("message", messages.put);
  await channel.ensureSubscribed();

  expect([await messages.next(), await messages.next()]).toEqual([{ n: 1 }, { n: 2 }]);
});

test.concurrent("The AnyCable client joins, sees who is there and hears who leaves", async () => {
  await using server = await Cableway.start(["--public", "--broker=memory", "--presence_ttl=1"]);
  using alice = cable(server, EXT);
  using bob = cable(server, EXT);
  const seen = new Mailbox<unknown>();
  const rooms = [alice.streamFrom("room"), bob.streamFrom("room")] as const;
  rooms[0].on("presence", seen.put);
  await Promise.all(rooms.map((room) => room.ensureSubscribed()));

  await rooms[1].presence.join("b", { name: "Bob" });
  expect(await seen.next()).toMatchObject({ type: "join", id: "b", info: { name: "Bob" } });
  expect(await rooms[0].presence.info()).toEqual({ b: { name: "Bob" } });
  expect(await seen.next()).toMatchObject({ type: "info", total: 1 });
  await rooms[1].presence.leave();

  expect(await seen.next()).toMatchObject({ type: "leave", id: "b" });
});

test.concurrent.each(["param", "header", "sub-protocol"])(
  "The AnyCable client is let in by a token as %s, with a new one when it has expired",
  async (way) => {
    await using server = await Cableway.start(["--norpc", "--jwt_secret=k", "--public_streams"]);
    let refreshed = 0;
    using client = cable(server, BASE, {
      auth: { token: jwt("k", { ext: "me", exp: unixSeconds(-60) }) },
      websocketAuthStrategy: way as "header", // the declaration says "params", the code "param"
      websocketImplementation: HeaderSocket,
      tokenRefresher: (transport) => {
        refreshed += 1;
        transport.setToken(jwt("k", { ext: "me", exp: unixSeconds(60) }), "jid");
        return Promise.resolve();
      },
    });
    const connected = new Mailbox<unknown>();
    client.on("connect", connected.put);

    expect(await rejection(client.connect())).toBe("Disconnected");
    await connected.next();
    await client.streamFrom("news").ensureSubscribed();

    expect([client.state, refreshed]).toEqual(["connected", 1]);
  },
);
