import { expect, setDefaultTimeout, test } from "bun:test";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { Cableway } from "../../support/cableway.ts";
import { PONG, pubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const OFFER = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };
/** Parameters may come in any order. */
const ANSWER = ["client_no_context_takeover", "permessage-deflate", "server_no_context_takeover"];
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** A message as RFC 7692 wants it: without the end of the flush. */
function deflate(text: string): Buffer {
  const bytes = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH });
  return bytes.subarray(0, -TAIL.length);
}

function inflate(payload: Buffer): string {
  const options = { finishFlush: constants.Z_SYNC_FLUSH };
  return inflateRawSync(Buffer.concat([payload, TAIL]), options).toString();
}

test.concurrent("protocol#44 Q21 A small message that inflates beyond the limit closes with 1009", async () => {
  await using server = await Cableway.start(["--public", "--enable_ws_compression"]);
  using client = await server.connect({ path: "/cable?pi=0", headers: OFFER });
  await client.nextFrame();
  const bomb = deflate('{"command":"ping"}'.padEnd(5_000_000));
  expect(bomb.length).toBeLessThan(65_536);

  client.sendFrame(bomb, { isCompressed: true });

  expect((await client.closed()).code).toBe(1009);
  using other = await server.connect();
  expect(await other.next()).toMatchObject({ type: "welcome" });
});

test.concurrent("With compression on, compressed commands are understood and long frames come compressed", async () => {
  await using server = await Cableway.start(["--public", "--enable_ws_compression"]);
  using client = await server.connect({ path: "/cable?pi=0", headers: OFFER });
  const answer = client.response.headers.get("sec-websocket-extensions");
  expect(answer?.split("; ").toSorted()).toEqual(ANSWER);
  await client.nextFrame();
  const command = JSON.stringify({ command: "subscribe", identifier: pubsub("news") });

  client.sendFrame(deflate(command), { isCompressed: true });
  await client.nextFrame();
  await server.publish("news", JSON.stringify("x".repeat(10_000)));

  const frame = await client.nextFrame();
  expect(frame.isCompressed).toBe(true);
  expect(JSON.parse(inflate(frame.payload))).toMatchObject({ message: "x".repeat(10_000) });
});

test.concurrent("Compression is neither offered back nor used unless it is switched on and asked for", async () => {
  await using off = await Cableway.start(["--public"]);
  await using on = await Cableway.start(["--public", "--enable_ws_compression"]);

  using offered = await off.connect({ headers: OFFER });
  using unasked = await on.connect();

  for (const client of [offered, unasked]) {
    expect(client.response.headers.has("sec-websocket-extensions")).toBe(false);
    await client.next();
    client.send({ command: "ping" });
    const frame = await client.nextFrame();
    expect([frame.isCompressed, frame.payload.toString()]).toEqual([false, PONG]);
  }
});
