import { expect, setDefaultTimeout, test } from "bun:test";
import { Cableway } from "../../support/cableway.ts";
import { EXT, PONG, pubsub, signedPubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const NEWS = pubsub("news");
const NEWS_TOO = pubsub("news", { copy: 1 });

test.concurrent("protocol#23 Data that is JSON arrives as that value, anything else and null as a string", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect();
  await client.next();
  await client.subscribe(NEWS);
  const embedded: readonly (readonly [string, unknown])[] = [
    ['{"b":1,"a":"x"}', { b: 1, a: "x" }],
    ["hello", "hello"],
    ["null", "null"],
    ['"x"', "x"],
    ['"{\\"a\\":1}"', '{"a":1}'],
    ["false", false],
    ["0", 0],
    ["{}", {}],
    ["[]", []],
    ["12.5", 12.5],
    ['{"a":1} x', '{"a":1} x'],
    ["", ""],
    ["<b>&\u2028é", "<b>&\u2028é"],
    [" 5", 5],
  ];

  for (const [data, message] of embedded) {
    await server.publish("news", data);
    const frame = await client.next();
    expect([data, frame]).toEqual([data, { identifier: NEWS, message }]);
    expect(Object.keys(frame as object)).toEqual(["identifier", "message"]);
  }
});

test.concurrent("protocol#24 With the memory broker frames carry their position, counted from 1; whispers and transient ones none", async () => {
  await using server = await Cableway.start(["--public", "--broker=memory"]);
  using alice = await server.connect({ subprotocol: EXT });
  using bob = await server.connect();
  await Promise.all([alice.next(), bob.next()]);
  await alice.subscribe(NEWS);
  await bob.subscribe(NEWS);

  for (const offset of [1, 2, 3]) {
    await server.publish("news", { n: offset });
    for (const client of [alice, bob]) {
      const frame = await client.next();
      expect(Object.keys(frame as object)).toEqual([
        "identifier",
        "message",
        "stream_id",
        "epoch",
        "offset",
      ]);
      expect(frame).toMatchObject({ message: { n: offset }, stream_id: "news", offset });
    }
  }

  alice.send({ command: "whisper", identifier: NEWS, data: { typing: true } });
  expect(await bob.next()).toEqual({ identifier: NEWS, message: { typing: true } });
  await server.publish("news", 4, { transient: true });
  expect(await bob.next()).toEqual({ identifier: NEWS, message: 4 });
  await server.publish("news", 5);
  expect(await bob.next()).toMatchObject({ message: 5, offset: 4 });
});

test.concurrent("protocol#25 A publication skips the session it excludes, on all its identifiers, and nobody else", async () => {
  await using server = await Cableway.start(["--public"]);
  using alice = await server.connect({ headers: { "X-Request-ID": "alice" } });
  using bob = await server.connect();
  await Promise.all([alice.next(), bob.next()]);
  await alice.subscribe(NEWS);
  await alice.subscribe(NEWS_TOO);
  await bob.subscribe(NEWS);

  await server.publish("news", 1, { exclude_socket: "alice" });
  await server.publish("news", 2, { exclude_socket: "nobody" });

  expect(await bob.next()).toEqual({ identifier: NEWS, message: 1 });
  expect(await bob.next()).toEqual({ identifier: NEWS, message: 2 });
  expect([await alice.next(), await alice.next()]).toMatchObject([{ message: 2 }, { message: 2 }]);
  expect(await alice.within(300)).toEqual([]);
});

test.concurrent("protocol#26 Two identifiers on one stream get a frame each", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect();
  await client.next();
  await client.subscribe(NEWS);
  await client.subscribe(NEWS_TOO);

  await server.publish("news", 1);
  const frames = [await client.next(), await client.next()];
  expect(frames).toContainEqual({ identifier: NEWS, message: 1 });
  expect(frames).toContainEqual({ identifier: NEWS_TOO, message: 1 });
  expect(await client.within(300)).toEqual([]);

  client.send({ command: "unsubscribe", identifier: NEWS });
  client.send({ command: "ping" });
  expect(await client.nextText()).toBe(PONG);
  await server.publish("news", 2);
  expect(await client.next()).toEqual({ identifier: NEWS_TOO, message: 2 });
  expect(await client.within(300)).toEqual([]);
});

test.concurrent("protocol#27 A batch of 100 publications arrives whole and in order", async () => {
  await using server = await Cableway.start(["--public"]);
  using alice = await server.connect();
  using bob = await server.connect();
  await Promise.all([alice.next(), bob.next()]);
  await alice.subscribe(NEWS);
  await bob.subscribe(NEWS);
  const numbers = Array.from({ length: 100 }, (_, at) => at);

  await server.broadcast(numbers.map((n) => ({ stream: "news", data: String(n) })));

  for (const client of [alice, bob]) {
    for (const n of numbers) {
      expect(await client.next()).toEqual({ identifier: NEWS, message: n });
    }
  }
});

test.concurrent("A whisper is any JSON, reaches the others and not the sender; missing data is the string null", async () => {
  await using server = await Cableway.start(["--public"]);
  using alice = await server.connect();
  using bob = await server.connect();
  await Promise.all([alice.next(), bob.next()]);
  await alice.subscribe(NEWS);
  await alice.subscribe(NEWS_TOO);
  await bob.subscribe(NEWS_TOO);

  for (const data of [{ x: [1, null] }, "s", 5, false, [1]]) {
    alice.send({ command: "whisper", identifier: NEWS, data });
    expect(await bob.next()).toEqual({ identifier: NEWS_TOO, message: data });
  }
  alice.send({ command: "whisper", identifier: NEWS });
  expect(await bob.next()).toEqual({ identifier: NEWS_TOO, message: "null" });

  expect(await alice.within(300)).toEqual([]);
});

test.concurrent("Signed streams carry whispers only when that is switched on", async () => {
  const options = ["--noauth", "--norpc", "--secret=k", "--broadcast_key=none"];
  const identifier = signedPubsub("k", "room");
  await using silent = await Cableway.start(options);
  await using whispering = await Cableway.start([...options, "--streams_whisper"]);

  for (const [server, received] of [
    [silent, []],
    [whispering, [JSON.stringify({ identifier, message: 1 })]],
  ] as const) {
    using alice = await server.connect();
    using bob = await server.connect();
    await Promise.all([alice.next(), bob.next()]);
    await alice.subscribe(identifier);
    await bob.subscribe(identifier);
    alice.send({ command: "whisper", identifier, data: 1 });
    expect(await bob.within(400)).toEqual(received);
  }
});
