import { expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { FakeClock } from "../../../support/fake-clock.ts";
import { outcome, SUCCESS, someCall, until, Wire } from "./wire.ts";

const MAX_CONCURRENT_STREAMS = 3;

test("A call gets the message of the answer", async () => {
  using wire = new Wire();
  const { port } = await wire.peer((connection, id) => connection.reply(id, SUCCESS));
  const { connection } = await wire.open(port);
  const exchange = someCall();

  connection.send(exchange);

  expect(await outcome(exchange)).toBe("0801");
});

test("No call is sent before the peer's SETTINGS", async () => {
  using wire = new Wire();
  const raw = await wire.peer((connection, id) => connection.reply(id, SUCCESS), {
    settings: null,
  });
  const { owner } = wire.connect(raw.port);
  while (raw.connections.length === 0) await Bun.sleep(1);

  raw.connections[0]?.settings([]);

  await owner.until("opened");
  expect(owner.events).toEqual(["opened"]);
});

test("A silent peer is given up after the connect timeout", async () => {
  using wire = new Wire();
  const clock = new FakeClock();
  const raw = await wire.peer(() => undefined, { settings: null });
  const { owner } = wire.connect(raw.port, clock);

  clock.advance(20_000);

  expect(owner.events).toEqual(["closed: the connection was not ready in time"]);
});

test("A peer that closes at once is a failure to connect", async () => {
  using wire = new Wire();
  const raw = await wire.peer(() => undefined, { settings: null, cutsAtOnce: true });
  const { owner, connection } = wire.connect(raw.port);

  await owner.until("closed");

  expect(connection.hasOpened).toBe(false);
});

test("A peer that does not speak HTTP/2 is a failure to connect", async () => {
  using wire = new Wire();
  const raw = await wire.peer(() => undefined, { settings: null });
  const { owner, connection } = wire.connect(raw.port);
  while (raw.connections.length === 0) await Bun.sleep(1);

  raw.connections[0]?.raw(Buffer.from("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));

  await owner.until("closed");
  expect(connection.hasOpened).toBe(false);
});

test("Nothing that listens is a failure to connect, with the reason", async () => {
  using wire = new Wire();
  const raw = await wire.peer(() => undefined);
  raw.stop();
  const { owner } = wire.connect(raw.port);

  await owner.until("closed");

  expect(owner.events[0]).toContain("ECONNREFUSED");
});

test("The peer's limit of streams holds from the first burst on; calls wait and all succeed (rpc#30)", async () => {
  using wire = new Wire();
  let running = 0;
  let most = 0;
  const raw = await wire.peer(
    (connection, id) => {
      running += 1;
      most = Math.max(most, running);
      setTimeout(() => {
        running -= 1;
        connection.reply(id, SUCCESS);
      }, 5);
    },
    { settings: [[MAX_CONCURRENT_STREAMS, 1]] },
  );
  const { connection } = await wire.open(raw.port);
  const exchanges = Array.from({ length: 10 }, () => someCall());

  for (const exchange of exchanges) connection.send(exchange);

  const results = await Promise.all(exchanges.map(outcome));
  expect(results).toEqual(Array.from({ length: 10 }, () => "0801"));
  expect(most).toBe(1);
});

test("A limit that the peer lowers later holds too", async () => {
  using wire = new Wire();
  const raw = await wire.peer((connection, id, number) => {
    if (number === 1) connection.settings([[MAX_CONCURRENT_STREAMS, 1]]);
    connection.reply(id, SUCCESS);
  });
  const { connection } = await wire.open(raw.port);
  const first = someCall();
  connection.send(first);
  await outcome(first);
  const exchanges = [someCall(), someCall(), someCall()];

  for (const exchange of exchanges) connection.send(exchange);

  expect(await Promise.all(exchanges.map(outcome))).toEqual(["0801", "0801", "0801"]);
});

test("A call given up while it waits for a stream is never sent", async () => {
  using wire = new Wire();
  const raw = await wire.peer(() => undefined, { settings: [[MAX_CONCURRENT_STREAMS, 1]] });
  const { connection } = await wire.open(raw.port);
  const [first, second, third] = [someCall(), someCall(), someCall()];
  for (const exchange of [first, second, third]) connection.send(exchange);
  await until(() => raw.requests === 1);

  second.abandon(cancelation());
  first.abandon(cancelation());
  await until(() => raw.requests === 2);

  expect(await outcome(second)).toEqual([1, "no more"]);
  expect([...(raw.connections[0]?.resets ?? [])]).toEqual([[1, 8]]);
  third.abandon(cancelation());
});

test("A call given up while it runs is reset on the wire with CANCEL", async () => {
  using wire = new Wire();
  const raw = await wire.peer(() => undefined);
  const { connection } = await wire.open(raw.port);
  const exchange = someCall();
  connection.send(exchange);
  await until(() => raw.requests === 1);

  exchange.abandon(cancelation());

  await until(() => raw.connections[0]?.resets.size === 1);
  expect(raw.connections[0]?.resets.get(1)).toBe(8);
});

test.each([
  [0, 13, "NO_ERROR"],
  [2, 13, "INTERNAL_ERROR"],
  [3, 8, "FLOW_CONTROL_ERROR"],
  [8, 1, "CANCEL"],
  [11, 8, "ENHANCE_YOUR_CALM"],
  [12, 7, "INADEQUATE_SECURITY"],
])("RST_STREAM %i ends a call with gRPC code %i", async (reset, code, name) => {
  using wire = new Wire();
  const { port } = await wire.peer((connection, id) => connection.reset(id, reset));
  const { connection } = await wire.open(port);
  const exchange = someCall();

  connection.send(exchange);

  const text = `stream terminated by RST_STREAM with error code: ${name}`;
  expect(await outcome(exchange)).toEqual([code, text]);
});

test("A call refused unprocessed is handed back once, the second time it is unavailable", async () => {
  using wire = new Wire();
  const { port } = await wire.peer((connection, id) => connection.reset(id, 7));
  const { connection, owner } = await wire.open(port);
  const exchange = someCall();

  connection.send(exchange);
  await owner.until("returned");
  expect(owner.returnedCalls).toEqual([exchange]);
  connection.send(exchange);

  expect(await outcome(exchange)).toEqual([14, "refused by the peer"]);
});

test("A peer that dies in the middle of a call makes it unavailable, not cancelled", async () => {
  using wire = new Wire();
  const { port } = await wire.peer((connection) => connection.cut());
  const { connection, owner } = await wire.open(port);
  const exchange = someCall();

  connection.send(exchange);

  expect((await outcome(exchange)) as unknown[]).toMatchObject({ 0: 14 });
  await owner.until("closed");
});

test("After GOAWAY running calls finish, new ones are handed back, then the connection closes", async () => {
  using wire = new Wire();
  let finish: () => void = () => undefined;
  const raw = await wire.peer((connection, id) => {
    connection.goAway(id);
    finish = () => connection.reply(id, SUCCESS);
  });
  const { connection, owner } = await wire.open(raw.port);
  const [first, second] = [someCall(), someCall()];

  connection.send(first);
  await owner.until("draining");
  connection.send(second);
  finish();

  expect(await outcome(first)).toBe("0801");
  expect(owner.returnedCalls).toEqual([second]);
  await until(() => raw.connections[0]?.isClosed === true);
  expect(owner.events).toEqual([
    "opened",
    "draining",
    "returned",
    "closed: GOAWAY received, code: 0",
  ]);
});

test("Calls above the last stream of a GOAWAY are handed back, those below finish", async () => {
  using wire = new Wire();
  const raw = await wire.peer((connection, id, number) => {
    if (number < 2) return;
    connection.goAway(id - 2);
    connection.reply(id - 2, SUCCESS);
  });
  const { connection, owner } = await wire.open(raw.port);
  const [first, second] = [someCall(), someCall()];

  connection.send(first);
  connection.send(second);

  expect(await outcome(first)).toBe("0801");
  await owner.until("returned");
  expect(owner.returnedCalls).toEqual([second]);
});

test("A GOAWAY with an error ends the calls it covers as unavailable and hands the others back", async () => {
  using wire = new Wire();
  const raw = await wire.peer((connection, id, number) => {
    if (number === 2) connection.goAway(id - 2, 2, "bug");
  });
  const { connection, owner } = await wire.open(raw.port);
  const [first, second] = [someCall(), someCall()];

  connection.send(first);
  connection.send(second);

  expect(await outcome(first)).toEqual([14, "GOAWAY received, code: 2, debug data: bug"]);
  await owner.until("returned");
  expect(owner.returnedCalls).toEqual([second]);
});

test("A GOAWAY without calls closes the connection", async () => {
  using wire = new Wire();
  const raw = await wire.peer(() => undefined);
  const { owner } = await wire.open(raw.port);

  raw.connections[0]?.goAway(0);

  await owner.until("closed");
  await until(() => raw.connections[0]?.isClosed === true);
});

test("A complaint about pings is passed on", async () => {
  using wire = new Wire();
  const raw = await wire.peer(() => undefined);
  const { owner, complaints } = await wire.open(raw.port);

  raw.connections[0]?.goAway(0, 11, "too_many_pings");

  await owner.until("closed");
  expect(complaints.count).toBe(1);
});

test("Calls that wait for a stream are handed back when the connection is lost", async () => {
  using wire = new Wire();
  const raw = await wire.peer((connection) => connection.cut(), {
    settings: [[MAX_CONCURRENT_STREAMS, 1]],
  });
  const { connection, owner } = await wire.open(raw.port);
  const [first, second] = [someCall(), someCall()];

  connection.send(first);
  connection.send(second);
  await owner.until("returned");

  expect(owner.returnedCalls).toEqual([second]);
});

test("A ping follows ten seconds of silence; the answer keeps the connection", async () => {
  using wire = new Wire();
  const clock = new FakeClock();
  const raw = await wire.peer(() => undefined);
  const { connection } = await wire.open(raw.port, clock);

  clock.advance(9_999);
  await Bun.sleep(5);
  expect(raw.connections[0]?.pings).toBe(0);
  clock.advance(1);
  await until(() => raw.connections[0]?.pings === 1);
  await until(() => clock.pending === 1);
  clock.advance(9_999);

  expect(connection.isOpen).toBe(true);
});

test("A connection whose ping is not answered in 20 seconds is dropped", async () => {
  using wire = new Wire();
  const clock = new FakeClock();
  const raw = await wire.peer(() => undefined, { answersPings: false });
  const { owner } = await wire.open(raw.port, clock);

  clock.advance(10_000);
  await until(() => raw.connections[0]?.pings === 1);
  clock.advance(20_000);

  expect(owner.events).toEqual(["opened", "closed: keepalive ping not acknowledged in time"]);
  expect(clock.pending).toBe(0);
});

test("Calls given up are no sign of life: a peer gone silent is dropped while calls go on", async () => {
  using wire = new Wire();
  const clock = new FakeClock();
  const raw = await wire.peer(() => undefined, { answersPings: false });
  const { connection, owner } = await wire.open(raw.port, clock);

  // a touch by our own resets put the ping off for as long as clients sent anything
  for (let count = 1; count <= 3; count++) {
    const exchange = someCall();
    connection.send(exchange);
    await until(() => raw.requests === count);
    clock.advance(3_200);
    exchange.abandon(cancelation());
    await until(() => raw.connections[0]?.resets.size === count);
  }
  clock.advance(400);
  await until(() => raw.connections[0]?.pings === 1);
  clock.advance(20_000);

  expect(owner.events).toEqual(["opened", "closed: keepalive ping not acknowledged in time"]);
});

test("An answer, and a reset by the peer, put the ping off", async () => {
  using wire = new Wire();
  const clock = new FakeClock();
  const raw = await wire.peer((connection, id, number) => {
    if (number === 1) connection.reply(id, SUCCESS);
    else connection.reset(id, 2);
  });
  const { connection } = await wire.open(raw.port, clock);

  for (let count = 1; count <= 2; count++) {
    clock.advance(9_000);
    const exchange = someCall();
    connection.send(exchange);
    await outcome(exchange);
  }
  clock.advance(9_999);
  await Bun.sleep(5);

  expect(raw.connections[0]?.pings).toBe(0);
});

test("A header that the HTTP library refuses costs its call, not those that run", async () => {
  using wire = new Wire();
  let finish: () => void = () => undefined;
  const { port } = await wire.peer((connection, id) => {
    finish = () => connection.reply(id, SUCCESS);
  });
  const { connection, owner } = await wire.open(port);
  const [good, bad] = [someCall(), someCall("a\nb")];

  connection.send(good);
  await Bun.sleep(10);
  connection.send(bad);
  finish();

  expect(await outcome(good)).toBe("0801");
  expect(owner.returnedCalls).toEqual([bad]);
  await owner.until("closed");
});

function cancelation() {
  return new ConnectError("no more", Code.Canceled);
}
