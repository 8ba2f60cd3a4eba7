import { expect, setDefaultTimeout, test } from "bun:test";
import { Application, accepted } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { unixSeconds } from "../../support/tokens.ts";
import { expectMetrics, welcomed } from "../../support/welcomed.ts";
import { channel, EXT, pubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const MEMORY = ["--public", "--norpc", "--broker=memory"];
const EXTENDED = { subprotocol: EXT };
const A = pubsub("a");

type Request = Readonly<Record<string, unknown>>;

/** Asks for history. @returns everything up to the answer that ends it, which is last by its type */
async function history(client: RawClient, identifier: string, request: Request) {
  client.send({ command: "history", identifier, history: request });
  const messages: unknown[] = [];
  for (;;) {
    const message = await client.next();
    for (const type of ["confirm_history", "reject_history"]) {
      if (Bun.deepEquals(message, { type, identifier })) return [...messages, type];
    }
    messages.push(message);
  }
}

function epochOf(server: Cableway): string {
  return /\(epoch: ([\w-]{4}),/.exec(server.log)?.[1] ?? "";
}

/** Messages 1, 2, 3 … of the stream `a`, as they arrive live and again. */
function stored(server: Cableway, ...offsets: readonly number[]) {
  const epoch = epochOf(server);
  return offsets.map((offset) => ({
    identifier: A,
    message: offset,
    stream_id: "a",
    epoch,
    offset,
  }));
}

async function publishNumbers(server: Cableway, count: number, stream = "a"): Promise<void> {
  const numbers = Array.from({ length: count }, (_, at) => at + 1);
  await server.broadcast(numbers.map((n) => ({ stream, data: `${n}` })));
}

test.concurrent("messaging#10 A transient message takes no offset and is not remembered", async () => {
  await using server = await Cableway.start(MEMORY);
  using client = await welcomed(server, EXTENDED);
  await client.subscribe(A);

  await server.publish("a", 1);
  await server.publish("a", "passing", { transient: true });
  await server.publish("a", 2);

  const [first, second] = stored(server, 1, 2);
  const received = [await client.next(), await client.next(), await client.next()];
  expect(received).toEqual([first, { identifier: A, message: "passing" }, second]);
  expect(await history(client, A, { since: 1 })).toEqual([first, second, "confirm_history"]);
});

test.concurrent("messaging#22 History goes on behind a known position, and is refused from an unknown one", async () => {
  await using server = await Cableway.start(MEMORY);
  await publishNumbers(server, 5);
  using client = await welcomed(server, EXTENDED);
  await client.subscribe(A);
  await client.subscribe(pubsub("none"));
  const epoch = epochOf(server);
  const from = (offset: number, known = epoch) =>
    history(client, A, { streams: { a: { offset, epoch: known } } });

  expect(await from(2)).toEqual([...stored(server, 3, 4, 5), "confirm_history"]);
  expect(await from(5)).toEqual(["confirm_history"]);
  for (const [offset, known] of [[10], [6], [0], [2, "zzzz"], [2, ""]] as const) {
    expect([offset, known, await from(offset, known)]).toEqual([offset, known, ["reject_history"]]);
  }
  const unknown = { streams: { none: { offset: 1, epoch } } };
  expect(await history(client, pubsub("none"), unknown)).toEqual(["reject_history"]);
  const foreign = { streams: { other: { offset: 1, epoch: "zzzz" } } };
  expect(await history(client, A, foreign)).toEqual(["confirm_history"]);
});

test.concurrent("messaging#23 Beyond its limit the history forgets the oldest: their position is refused", async () => {
  await using server = await Cableway.start([...MEMORY, "--history_limit=2"]);
  await publishNumbers(server, 3);
  using client = await welcomed(server, EXTENDED);
  await client.subscribe(A);
  const from = (offset: number) =>
    history(client, A, { streams: { a: { offset, epoch: epochOf(server) } } });

  expect(await from(1)).toEqual(["reject_history"]);
  expect(await from(2)).toEqual([...stored(server, 3), "confirm_history"]);
  expect(await history(client, A, { since: 1 })).toEqual([
    ...stored(server, 2, 3),
    "confirm_history",
  ]);
});

test.concurrent("messaging#24 When all has expired the last position is refused, and a time confirmed with nothing", async () => {
  await using server = await Cableway.start([...MEMORY, "--history_ttl=1"]);
  using client = await welcomed(server, EXTENDED);
  await client.subscribe(A);
  await publishNumbers(server, 2);
  expect([await client.next(), await client.next()]).toEqual(stored(server, 1, 2));
  const position = { streams: { a: { offset: 2, epoch: epochOf(server) } } };
  expect(await history(client, A, position)).toEqual(["confirm_history"]);

  const deadline = Date.now() + 6000;
  while ((await history(client, A, { since: 1 })).length > 1) {
    if (Date.now() > deadline) throw new Error("nothing has expired");
    await Bun.sleep(100);
  }

  expect(await history(client, A, position)).toEqual(["reject_history"]);
  await server.publish("a", 3);
  expect(await client.next()).toEqual(stored(server, 3)[0]);
});

test.concurrent("messaging#25 One bad position of several refuses all of them", async () => {
  await using application = await Application.start({
    command: (request) => accepted(request, { streams: ["a", "b"] }),
  });
  await using server = await Cableway.start(["--broker=memory", application.option]);
  await publishNumbers(server, 2);
  await publishNumbers(server, 2, "b");
  using client = await welcomed(server, EXTENDED);
  const identifier = await client.subscribe(channel("Chat"));
  const at = (offset: number) => ({ offset, epoch: epochOf(server) });

  for (const streams of [
    { a: at(1), b: at(9) },
    { a: at(9), b: at(1) },
  ]) {
    expect(await history(client, identifier, { streams })).toEqual(["reject_history"]);
  }
  const whole = await history(client, identifier, { streams: { a: at(1), b: at(1) } });
  expect(whole).toHaveLength(3);
  expect(whole.at(-1)).toBe("confirm_history");
});

test.concurrent("A position decides where it is given, without falling back to a time", async () => {
  await using server = await Cableway.start(MEMORY);
  await publishNumbers(server, 3);
  using client = await welcomed(server, EXTENDED);
  await client.subscribe(A);
  const at = (offset: number) => ({ streams: { a: { offset, epoch: epochOf(server) } }, since: 1 });

  expect(await history(client, A, at(2))).toEqual([...stored(server, 3), "confirm_history"]);
  expect(await history(client, A, at(9))).toEqual(["reject_history"]);
  expect(await history(client, A, { since: unixSeconds(100) })).toEqual(["confirm_history"]);
  expect(await history(client, A, { streams: {} })).toEqual(["confirm_history"]);
  client.send({ command: "history", identifier: A, history: {} });
  await server.logged(/WRN failed to handle incoming message .*history request is missing/);
});

test.concurrent("History asked for with the subscription comes behind its confirmation; refused, it leaves it", async () => {
  await using server = await Cableway.start(MEMORY);
  await publishNumbers(server, 2);
  using whole = await welcomed(server, EXTENDED);
  using lost = await welcomed(server, EXTENDED);

  await whole.subscribe(A, { history: { since: 1 } });
  const position = { offset: 9, epoch: epochOf(server) };
  await lost.subscribe(A, { history: { streams: { a: position } } });

  expect([await whole.next(), await whole.next()]).toEqual(stored(server, 1, 2));
  expect(await whole.next()).toEqual({ type: "confirm_history", identifier: A });
  expect(await lost.next()).toEqual({ type: "reject_history", identifier: A });
  await server.logged("WRN couldn't retrieve history");
  await server.publish("a", 3);
  expect(await lost.next()).toEqual(stored(server, 3)[0]);
  await expectMetrics(server, { failed_client_msg_total: 0 });
});

test.concurrent("Without a broker there is no history to be had", async () => {
  await using server = await Cableway.start(["--public", "--norpc"]);
  using client = await welcomed(server, EXTENDED);
  await client.subscribe(A);

  expect(await history(client, A, { since: 1 })).toEqual(["reject_history"]);
});
