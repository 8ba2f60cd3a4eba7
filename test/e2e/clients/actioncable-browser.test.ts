import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser } from "playwright-core";
import { launchBrowser, ScriptedPage } from "../../support/browser.ts";
import { Cableway } from "../../support/cableway.ts";
import { TRANSPORTS } from "../../support/chat/chat-backend.ts";
import { ChatServer } from "../../support/chat/chat-server.ts";

setDefaultTimeout(40_000);

const SCRIPT = Bun.resolveSync("@rails/actioncable", import.meta.dir).replace(
  /[^/]+$/,
  "actioncable.js",
);

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
});

/** A page that has subscribed; its events are kept in the page, as text. */
async function subscribedPage(
  url: string,
  params: Readonly<Record<string, unknown>>,
): Promise<ScriptedPage> {
  const scripted = await ScriptedPage.open(browser, SCRIPT);
  const setup = `
    window.events = [];
    const log = (name) => (value) => window.events.push(JSON.stringify([name, value ?? null]));
    window.consumer = ActionCable.createConsumer(${JSON.stringify(url)});
    window.subscription = window.consumer.subscriptions.create(${JSON.stringify(params)}, {
      connected: log("connected"), disconnected: log("disconnected"),
      rejected: log("rejected"), received: log("received"),
    });`;
  await scripted.page.evaluate(setup);
  return scripted;
}

/** Waits for the next event of the page. */
async function event({ page }: ScriptedPage, limitMs = 5000): Promise<unknown> {
  await page.waitForFunction("window.events.length > 0", undefined, { timeout: limitMs });
  return JSON.parse(String(await page.evaluate("window.events.shift()")));
}

test.each([...TRANSPORTS])(
  "Rails' client in a browser subscribes, acts, hears and unsubscribes, application over %s",
  async (transport) => {
    await using chat = await ChatServer.start(transport);
    const params = { channel: "Streams", streams: ["browser"] };
    await using scripted = await subscribedPage(chat.server.cableUrl(), params);
    expect(await event(scripted)).toEqual(["connected", { reconnected: false }]);

    await scripted.page.evaluate('subscription.perform("echo", { text: "héllo" })');
    expect(await event(scripted)).toEqual(["received", { response: "héllo" }]);
    await chat.server.publish("browser", { n: 1 });
    expect(await event(scripted)).toEqual(["received", { n: 1 }]);
    await scripted.page.evaluate("subscription.unsubscribe()");
    await scripted.page.waitForTimeout(200);
    await chat.server.publish("browser", { n: 2 });

    await scripted.page.waitForTimeout(400);
    expect(await scripted.page.evaluate("events.length")).toBe(0);
  },
);

test("Rails' client in a browser is rejected by a channel", async () => {
  await using chat = await ChatServer.start("gRPC");

  await using scripted = await subscribedPage(chat.server.cableUrl(), { channel: "Reject" });

  expect(await event(scripted)).toEqual(["rejected", null]);
});

test("Rails' client in a browser comes back after a restart and subscribes again", async () => {
  const params = { channel: "$pubsub", stream_name: "news" };
  const server = await Cableway.start(["--public"]);
  await using scripted = await subscribedPage(server.cableUrl(), params);
  expect(await event(scripted)).toEqual(["connected", { reconnected: false }]);

  server.signal();
  expect(await event(scripted)).toEqual(["disconnected", { willAttemptReconnect: true }]);
  await server.exited();
  const { host, port } = server;
  await using again = await Cableway.start(["--public"], { host, port });

  expect(await event(scripted, 25_000)).toEqual(["connected", { reconnected: true }]);
  await again.publish("news", { n: 1 });
  expect(await event(scripted)).toEqual(["received", { n: 1 }]);
});

test("Rails' client in a browser stays away when it was sent away for good", async () => {
  await using chat = await ChatServer.start("HTTP");
  const url = chat.server.cableUrl("/cable?uid=26");
  await using scripted = await subscribedPage(url, { channel: "Any" });
  expect(await event(scripted)).toEqual(["connected", { reconnected: false }]);

  await chat.server.disconnect('{"uid":"26"}', false);

  expect(await event(scripted)).toEqual(["disconnected", { willAttemptReconnect: false }]);
});

test("A page of an origin that is not allowed cannot connect, one that is can", async () => {
  const origins = "--allowed_origins=127.0.0.1:1,app.example";
  await using server = await Cableway.start(["--public", origins]);
  await using scripted = await ScriptedPage.open(browser, SCRIPT);
  const opened = (url: string) =>
    scripted.page.evaluate((address) => {
      const socket = new WebSocket(address, "actioncable-v1-json");
      return new Promise<boolean>((resolve) => {
        socket.onopen = () => resolve(true);
        socket.onerror = () => resolve(false);
      });
    }, url);
  const own = new URL(scripted.origin).host;
  await using open = await Cableway.start(["--public", `--allowed_origins=${own}`]);

  expect(await opened(server.cableUrl())).toBe(false);
  expect(await opened(open.cableUrl())).toBe(true);
});
