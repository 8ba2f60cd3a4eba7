import { expect, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { CHAT } from "../../support/grpc-backend.ts";
import { HttpBackendServer } from "../../support/http-backend.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { encodeClientFrame } from "../../support/web-socket-frames.ts";
import { EXT, perform, pubsub } from "../../support/wire.ts";

const PATIENCE_MS = 100_000;
/** Far more than anybody waits, far less than the floods below took when they were worked off in one go. */
const MAX_DELAY_MS = 5000;

const frames = (commands: readonly unknown[]): Buffer =>
  Buffer.concat(commands.map((command) => encodeClientFrame(JSON.stringify(command))));

/** How long another client waited for an answer at most, until the flood had been worked off. */
async function worstDelay(other: RawClient, flood: Promise<unknown>): Promise<number> {
  let isOver = false;
  const over = flood.finally(() => {
    isOver = true;
  });
  let worst = 0;
  while (!isOver) {
    const askedAt = performance.now();
    other.send({ command: "ping" });
    await other.nextText(PATIENCE_MS);
    worst = Math.max(worst, performance.now() - askedAt);
  }
  await over;
  return worst;
}

/** Reads until the server has done everything that was sent before a ping. */
async function untilPong(client: RawClient): Promise<void> {
  client.send({ command: "ping" });
  while ((await client.nextText(PATIENCE_MS)) !== '{"type":"pong"}');
}

test(
  "A client that whispers to a stream on which it has many long identifiers delays nobody",
  async () => {
    await using server = await Cableway.start(["--public"]);
    using whispering = await server.connect();
    using other = await server.connect();
    for (const client of [whispering, other]) await client.next();
    const short = await whispering.subscribe(pubsub("s"));
    for (let number = 0; number < 100; number++) {
      const filler = "x".repeat(60_000);
      await whispering.subscribe(pubsub("s", { number, filler }));
    }

    const whisper = { command: "whisper", identifier: short, data: 1 };
    whispering.sendBytes(frames(Array.from({ length: 4000 }, () => whisper)));

    expect(await worstDelay(other, untilPong(whispering))).toBeLessThan(MAX_DELAY_MS);
  },
  PATIENCE_MS,
);

test(
  "A client that subscribes to thousands of streams, and can come back to them, delays nobody",
  async () => {
    await using server = await Cableway.start(["--public", "--broker=memory"]);
    using subscribing = await server.connect({ subprotocol: EXT });
    using other = await server.connect();
    for (const client of [subscribing, other]) await client.next();
    const identifiers = Array.from({ length: 10_000 }, (_, number) => pubsub(`s${number}`));

    subscribing.sendBytes(
      frames(identifiers.map((identifier) => ({ command: "subscribe", identifier }))),
    );

    expect(await worstDelay(other, untilPong(subscribing))).toBeLessThan(MAX_DELAY_MS);
    expect(await server.metric("failed_client_msg_total")).toBe(0);
  },
  PATIENCE_MS,
);

test(
  "A client that is far ahead of a slow application waits, and loses nothing",
  async () => {
    const backend = await new HttpBackendServer().start();
    try {
      await using server = await Cableway.start([`--rpc_host=${backend.url}`, "--rpc_impl=http"]);
      using client = await server.connect();
      await client.next();
      await client.subscribe(CHAT);
      backend.answer = () => ({
        body: '{"status":1}',
        delayMs: backend.calls.length === 3 ? 500 : 0,
      });
      const data = "x".repeat(60_000);

      for (let i = 0; i < 200; i++) client.send(perform(CHAT, `${i}${data}`));
      await untilPong(client);

      expect(backend.calls.filter(({ path }) => path.endsWith("/command"))).toHaveLength(201);
      expect(client.isOpen).toBe(true);
    } finally {
      await backend.stop();
    }
  },
  PATIENCE_MS,
);
