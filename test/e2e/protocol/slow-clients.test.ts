import { expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { pubsub, RESTART, TOO_SLOW } from "../../support/wire.ts";

setDefaultTimeout(60_000);

const NEWS = pubsub("news");
const FRAME_BYTES = 100_000;
const FRAMES = 120;

/** A subscribed client that has stopped reading. */
async function stuckClient(server: Cableway, path = "/cable?pi=0"): Promise<RawClient> {
  const client = await server.connect({ path });
  await client.next();
  await client.subscribe(NEWS);
  client.pause();
  return client;
}

/** 12 MB, more than sockets hold; the number of a frame comes first. */
async function publishMuch(server: Cableway): Promise<void> {
  for (let n = 0; n < FRAMES; n += 1) {
    await server.publish("news", JSON.stringify(numbered(n)));
  }
}

function numbered(n: number): string {
  return `${String(n).padStart(4, "0")}${"y".repeat(FRAME_BYTES)}`;
}

/** Waits until nothing more fits into the socket, with frames left behind. */
async function jammed(server: Cableway): Promise<void> {
  let before = -1;
  let sent = await server.metric("server_msg_total");
  while (sent !== before) {
    await Bun.sleep(200);
    before = sent;
    sent = await server.metric("server_msg_total");
  }
  expect(sent).toBeLessThan(FRAMES);
}

async function expectAllFrames(client: RawClient): Promise<void> {
  for (let n = 0; n < FRAMES; n += 1) {
    expect(await client.next()).toEqual({ identifier: NEWS, message: numbered(n) });
  }
}

test("protocol#37 A client that falls behind by more than the limit loses its queue and is told why", async () => {
  await using server = await Cableway.start(["--public", "--ws_write_timeout=20"]);
  using client = await stuckClient(server);

  await publishMuch(server);
  await server.metricReaches("disconnected_slow_clients_total", 1);
  client.resume();

  const seen = [];
  for (;;) {
    const text = await client.nextText();
    if (text === TOO_SLOW) break;
    seen.push(text);
  }
  expect(seen.length).toBeLessThan(FRAMES);
  expect(await client.closed()).toEqual({ code: 1000, reason: "" });
});

test("protocol#37 A client whose frame is not taken in time is cut", async () => {
  const options = ["--public", "--ws_write_timeout=1", "--ws_max_pending_size=0"];
  await using server = await Cableway.start(options);
  using client = await stuckClient(server);

  await publishMuch(server);
  await server.metricReaches("timeout_server_msg_total", 1);

  expect(await server.metric("failed_server_msg_total")).toBe(1);
  expect(await server.metric("disconnected_slow_clients_total")).toBe(0);
  client.resume();
  expect((await client.closed()).code).toBe(1006);
});

test("protocol#47 Q25 A slow client that never reads again is cut at the write timeout", async () => {
  const options = ["--public", "--ws_write_timeout=1", "--ws_max_pending_size=2000000", "--debug"];
  await using server = await Cableway.start(options);
  using client = await stuckClient(server);

  await publishMuch(server);
  await server.metricReaches("disconnected_slow_clients_total", 1);
  await server.metricReaches("timeout_server_msg_total", 1, 6000);

  await server.logged("WebSocket session completed");
  expect(await server.metric("failed_server_msg_total")).toBe(1);
  client.resume();
  expect((await client.closed()).code).toBe(1006);
});

test("Q9 A write timeout of 0 means none, and one big frame passes a queue below the limit", async () => {
  const options = ["--public", "--ws_write_timeout=0", "--ws_max_pending_size=1000"];
  await using server = await Cableway.start(options);
  using client = await server.connect();
  await client.next();
  await client.subscribe(NEWS);

  await server.publish("news", JSON.stringify(numbered(1)));
  expect(await client.next()).toEqual({ identifier: NEWS, message: numbered(1) });
  await server.publish("news", 2);

  expect(await client.next()).toEqual({ identifier: NEWS, message: 2 });
  expect(await server.metric("disconnected_slow_clients_total")).toBe(0);
});

test("protocol#46 Q24 A shutdown waits for a client that is behind: all frames, the reason, 1001", async () => {
  const options = ["--public", "--ws_write_timeout=20", "--ws_max_pending_size=0"];
  await using server = await Cableway.start(options);
  using client = await stuckClient(server);
  await publishMuch(server);
  await jammed(server);

  server.signal();
  await server.logged("closing active connections");
  client.resume();

  await expectAllFrames(client);
  expect(await client.nextText()).toBe(RESTART);
  expect(await client.closed()).toEqual({ code: 1001, reason: "Server restart" });
  expect(await server.exited()).toBe(0);
});

test("Queued frames come before the goodbye of a remote disconnect", async () => {
  const options = ["--ws_write_timeout=20", "--ws_max_pending_size=0"];
  await using server = await Cableway.start(["--public", ...options]);
  const headers = { "X-Request-ID": "behind" };
  using client = await server.connect({ path: "/cable?pi=0", headers });
  await client.next();
  await client.subscribe(NEWS);
  client.pause();
  await publishMuch(server);
  await jammed(server);

  await server.disconnect('{"sid":"behind"}', true);
  client.resume();

  await expectAllFrames(client);
  expect(await client.next()).toEqual({ type: "disconnect", reason: "remote", reconnect: true });
  expect(await client.closed()).toEqual({ code: 1000, reason: "Closed remotely" });
});

test("A client that does not read costs nobody else", async () => {
  await using server = await Cableway.start(["--public", "--ws_write_timeout=20"]);
  using stuck = await stuckClient(server);
  using reader = await server.connect();
  await reader.next();
  await reader.subscribe(NEWS);

  const published = publishMuch(server);

  await expectAllFrames(reader);
  await published;
  await server.metricReaches("disconnected_slow_clients_total", 1);
  expect(stuck.isOpen).toBe(true);
});
