import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { adapters, type Consumer, createConsumer } from "@rails/actioncable";
import { TRANSPORTS } from "../../support/chat/chat-backend.ts";
import { ChatServer } from "../../support/chat/chat-server.ts";
import { Mailbox } from "../../support/mailbox.ts";

setDefaultTimeout(20_000);

// What programs outside of browsers have to provide; the client asks for nothing else before it connects.
const before = { ...adapters };
const page = Object.getOwnPropertyDescriptor(globalThis, "document");
beforeAll(() => {
  adapters.WebSocket = WebSocket;
  Object.defineProperty(globalThis, "document", {
    value: { visibilityState: "visible" },
    configurable: true,
  });
});
afterAll(() => {
  adapters.WebSocket = before.WebSocket;
  if (page === undefined) Reflect.deleteProperty(globalThis, "document");
  else Object.defineProperty(globalThis, "document", page);
});

type Event = readonly [name: string, value?: unknown];

function subscribed(consumer: Consumer, params: Record<string, unknown>) {
  const events = new Mailbox<Event>();
  const subscription = consumer.subscriptions.create(params, {
    connected: (details) => events.put(["connected", details]),
    disconnected: (details) => events.put(["disconnected", details]),
    rejected: () => events.put(["rejected"]),
    received: (message) => events.put(["received", message]),
  });
  return { subscription, events };
}

function consumerOf(url: string): Consumer & Disposable {
  const consumer = createConsumer(url);
  return Object.assign(consumer, { [Symbol.dispose]: () => consumer.disconnect() });
}

test.each([...TRANSPORTS])(
  "Rails' client outside of a browser subscribes, acts, hears and unsubscribes, application over %s",
  async (transport) => {
    await using chat = await ChatServer.start(transport);
    using consumer = consumerOf(chat.server.cableUrl());
    const params = { channel: "Streams", streams: ["node"] };
    const { subscription, events } = subscribed(consumer, params);
    expect(await events.next()).toEqual(["connected", { reconnected: false }]);

    subscription.perform("echo", { text: "hello" });
    expect(await events.next()).toEqual(["received", { response: "hello" }]);
    await chat.server.publish("node", { n: 1 });
    expect(await events.next()).toEqual(["received", { n: 1 }]);
    subscription.perform("broadcast", { stream: "node", data: "from the action" });
    expect(await events.next()).toEqual(["received", "from the action"]);

    subscription.unsubscribe();
    const rejected = subscribed(consumer, { channel: "Reject" });
    expect(await rejected.events.next()).toEqual(["rejected"]);
    await chat.server.publish("node", { n: 2 });
    expect(await events.within(300)).toEqual([]);
  },
);

test("Rails' client outside of a browser is told when it may come back and when not", async () => {
  await using chat = await ChatServer.start("gRPC");
  for (const reconnect of [true, false]) {
    using consumer = consumerOf(chat.server.cableUrl(`/cable?uid=${reconnect}`));
    const { events } = subscribed(consumer, { channel: "Any" });
    expect(await events.next()).toEqual(["connected", { reconnected: false }]);

    await chat.server.disconnect(`{"uid":"${reconnect}"}`, reconnect);

    const details = { willAttemptReconnect: reconnect };
    expect(await events.next()).toEqual(["disconnected", details]);
  }
});
