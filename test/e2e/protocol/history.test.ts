import { expect, setDefaultTimeout, test } from "bun:test";
import { Application, accepted } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { unixSeconds } from "../../support/tokens.ts";
import { channel, EXT, PONG, pubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const NEWS = pubsub("news");
const OPTIONS = ["--public", "--broker=memory"];
const CONFIRMED = JSON.stringify({ type: "confirm_history", identifier: NEWS });
const REJECTED = JSON.stringify({ type: "reject_history", identifier: NEWS });

interface Positioned {
  readonly message: unknown;
  readonly stream_id: string;
  readonly epoch: string;
  readonly offset: number;
}

test.concurrent("protocol#29 History is rejected in whole for a wrong epoch, confirmed for no streams, silent when not asked", async () => {
  await using server = await Cableway.start(OPTIONS);
  using client = await server.connect();
  await client.next();
  await client.subscribe(NEWS);
  await server.publish("news", 1);
  const { epoch } = (await client.next()) as Positioned;
  const ask = (history: unknown) => client.send({ command: "history", identifier: NEWS, history });

  ask({ streams: { news: { epoch: "zz", offset: 1 } } });
  expect(await client.nextText()).toBe(REJECTED);
  ask({ streams: {} });
  expect(await client.nextText()).toBe(CONFIRMED);
  ask(undefined);
  ask({});
  client.send({ command: "ping" });
  expect(await client.nextText()).toBe(PONG);
  ask({ streams: { news: { epoch, offset: 99 } } });
  expect(await client.nextText()).toBe(REJECTED);
  ask({ streams: { news: { epoch, offset: 1 } } });
  expect(await client.nextText()).toBe(CONFIRMED);
  ask({ streams: { other: { epoch, offset: 1 } } });
  expect(await client.nextText()).toBe(CONFIRMED);
});

test.concurrent("Q17 History goes by offset, else by seconds since 1970, and ends with its confirmation", async () => {
  await using server = await Cableway.start(OPTIONS);
  using client = await server.connect();
  await client.next();
  await client.subscribe(NEWS);
  const sent: unknown[] = [];
  for (const n of [1, 2, 3, 4, 5]) {
    await server.publish("news", { n });
    sent.push(await client.next());
  }
  const { epoch } = sent[0] as Positioned;
  const asked = (history: unknown, count: number): Promise<unknown> => {
    client.send({ command: "history", identifier: NEWS, history });
    return client.messages(count);
  };
  const done = { type: "confirm_history", identifier: NEWS };

  const fromTwo = { streams: { news: { epoch, offset: 2 } } };
  expect(await asked(fromTwo, 4)).toEqual([...sent.slice(2), done]);
  expect(await asked({ since: unixSeconds(-30) }, 6)).toEqual([...sent, done]);
  expect(await asked({ since: unixSeconds(30) }, 1)).toEqual([done]);
  const both = { since: unixSeconds(-30), streams: { news: { epoch, offset: 4 } } };
  expect(await asked(both, 2)).toEqual([...sent.slice(4), done]);
});

test.concurrent("Subscribe may bring its wish for history; a failure of it only rejects the history", async () => {
  await using server = await Cableway.start(OPTIONS);
  using writer = await server.connect();
  await writer.next();
  await writer.subscribe(NEWS);
  await server.publish("news", 1);
  const published = await writer.next();

  using client = await server.connect({ subprotocol: EXT });
  await client.next();
  await client.subscribe(NEWS, { history: { since: unixSeconds(-30) } });
  expect(await client.next()).toEqual(published);
  expect(await client.nextText()).toBe(CONFIRMED);

  using mistaken = await server.connect({ subprotocol: EXT });
  await mistaken.next();
  await mistaken.subscribe(NEWS, { history: { streams: { news: { epoch: "no", offset: 4 } } } });
  expect(await mistaken.nextText()).toBe(REJECTED);
  expect(await server.metric("failed_client_msg_total")).toBe(0);
});

test.concurrent("History of several streams is grouped, ascending, confirmed once, and all or nothing", async () => {
  const command = (request: Parameters<typeof accepted>[0]) =>
    accepted(request, { streams: ["a", "b"] });
  await using application = await Application.start({ command });
  await using server = await Cableway.start([application.option, "--broker=memory"]);
  using client = await server.connect();
  await client.next();
  const identifier = channel("Chat");
  client.send({ command: "subscribe", identifier });
  await client.next();
  for (const stream of ["a", "b"]) {
    for (const n of [0, 1]) await server.publish(stream, `"${stream}${n}"`);
  }
  const [live] = await client.messages(4);
  const { epoch } = live as Positioned;

  const since = { since: unixSeconds(-30) };
  client.send({ command: "history", identifier, history: since });
  const frames = await client.messages(5);
  const messages = frames.slice(0, 4).map((frame) => (frame as Positioned).message);
  expect(["a0,a1,b0,b1", "b0,b1,a0,a1"]).toContain(messages.join());
  expect(frames[4]).toEqual({ type: "confirm_history", identifier });

  const half = { streams: { a: { epoch, offset: 1 }, b: { epoch: "zz", offset: 1 } } };
  client.send({ command: "history", identifier, history: half });
  expect(await client.within(400)).toEqual([
    JSON.stringify({ type: "reject_history", identifier }),
  ]);
});

test.concurrent("Without a broker history of a stream is rejected", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect({ subprotocol: EXT });
  await client.next();
  await client.subscribe(NEWS);

  client.send({ command: "history", identifier: NEWS, history: { since: unixSeconds(-30) } });

  expect(await client.nextText()).toBe(REJECTED);
  expect(await server.metric("failed_client_msg_total")).toBe(1);
});
