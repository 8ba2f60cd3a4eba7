import { expect, test } from "bun:test";
import { Outbox } from "../../../src/core/session/outbox.ts";
import { Writer } from "../../../src/core/session/writer.ts";
import { CLOSES } from "../../../src/messages/close.ts";
import { textFrame } from "../../../src/messages/frame.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeMetrics } from "../../support/fake-metrics.ts";
import { settled } from "../../support/node-room.ts";
import { RecordingConnection } from "../../support/recording-connection.ts";

const PING = textFrame('{"type":"ping","message":1}');

interface Bench {
  readonly outbox: Outbox;
  readonly connection: RecordingConnection;
  readonly clock: FakeClock;
  readonly metrics: FakeMetrics;
  readonly lost: string[];
  /** The peer has taken everything. */
  drain(): void;
}

function bench(limits: { maxPendingBytes?: number; writeTimeoutMs?: number } = {}): Bench {
  const [clock, metrics, connection] = [
    new FakeClock(),
    new FakeMetrics(),
    new RecordingConnection(),
  ];
  const lost: string[] = [];
  const outbox = new Outbox(
    connection,
    { lost: (cause) => lost.push(cause) },
    {
      writer: new Writer({ clock }),
      clock,
      limits: { maxPendingBytes: 100, writeTimeoutMs: 2000, ...limits },
      metrics: {
        sentFrames: metrics.counter("frames", ""),
        sentBytes: metrics.counter("bytes", ""),
        failedFrames: metrics.counter("failed", ""),
        timedOutFrames: metrics.counter("timed_out", ""),
      },
    },
  );
  const drain = (): void => {
    connection.held = 0;
    connection.isStuck = false;
    outbox.drained(clock.now());
  };
  return { outbox, connection, clock, metrics, lost, drain };
}

/** A bench whose peer has stopped to take anything, with one frame of 40 bytes in flight. */
async function stalledBench(limits: Parameters<typeof bench>[0] = {}): Promise<Bench> {
  const stalled = bench(limits);
  stalled.connection.isStuck = true;
  stalled.outbox.push(textFrame("f".repeat(40)));
  await settled();
  return stalled;
}

test("Outbox hands all frames of a turn over in one batch, in order", async () => {
  const { outbox, connection, metrics } = bench();

  for (const text of ["a", "b", "cc"]) outbox.push(textFrame(text));
  await settled();

  expect(connection.sent).toEqual(["a", "b", "cc"]);
  expect(connection.batches).toEqual([3]);
  expect([metrics.value("frames"), metrics.value("bytes")]).toEqual([3, 4]);
});

test("Outbox goes on at once when the connection takes a part only", async () => {
  const { outbox, connection } = bench();
  connection.batchLimit = 2;

  for (const text of ["a", "b", "c", "d", "e"]) outbox.push(textFrame(text));
  await settled();

  expect(connection.sent).toEqual(["a", "b", "c", "d", "e"]);
  expect(connection.batches).toEqual([2, 2, 1]);
});

test("Outbox holds frames back while the peer takes nothing, and goes on when it does", async () => {
  const { outbox, connection, drain } = await stalledBench();

  outbox.push(textFrame("next"));
  await settled();
  expect(connection.sent).toHaveLength(1);
  drain();

  expect(connection.sent[1]).toBe("next");
});

test("Outbox refuses a frame once the limit is pending, the frame in flight not counted", async () => {
  const { outbox } = await stalledBench();

  expect(outbox.push(textFrame("x".repeat(99)))).toBe(true);
  expect(outbox.push(textFrame("y".repeat(500)))).toBe(true);
  expect(outbox.push(textFrame("z"))).toBe(false);
});

test("Outbox without a limit takes everything", async () => {
  const { outbox } = await stalledBench({ maxPendingBytes: 0 });

  for (let i = 0; i < 100; i++) expect(outbox.push(textFrame("x".repeat(500)))).toBe(true);
});

test("Outbox does not call a client slow that takes all of a burst within one turn", async () => {
  const { outbox, connection } = bench();

  const taken = Array.from({ length: 50 }, () => outbox.push(textFrame("x".repeat(40))));
  await settled();

  expect(taken).not.toContain(false);
  expect(connection.sent).toHaveLength(50);
});

test("Outbox closes behind what is queued and the farewell", async () => {
  const { outbox, connection } = bench();
  outbox.push(textFrame("a"));

  outbox.finish(CLOSES.remote, textFrame("bye"));
  expect(connection.closes).toEqual([]);
  await settled();

  expect(connection.sent).toEqual(["a", "bye"]);
  expect(connection.closes).toEqual([{ code: 1000, reason: "Closed remotely" }]);
});

test("Outbox waits with the close until a stalled peer has taken everything", async () => {
  const { outbox, connection, drain } = await stalledBench();

  outbox.finish(CLOSES.restart, textFrame("bye"));
  await settled();
  expect(connection.closes).toEqual([]);
  drain();

  expect(connection.sent[1]).toBe("bye");
  expect(connection.closes).toEqual([{ code: 1001, reason: "Server restart" }]);
});

test("Outbox does not close before the farewell itself has got away", async () => {
  const { outbox, connection, drain } = bench();
  connection.isStuck = true;

  outbox.finish(CLOSES.remote, textFrame("bye"));
  await settled();
  expect([connection.sent, connection.closes]).toEqual([["bye"], []]);
  drain();

  expect(connection.closes).toEqual([{ code: 1000, reason: "Closed remotely" }]);
});

test("Outbox gives a peer up that takes nothing for the write timeout", async () => {
  const { connection, clock, metrics, lost } = await stalledBench();

  clock.advance(1900);
  expect(lost).toEqual([]);
  clock.advance(200);

  expect(lost).toEqual(["write timed out"]);
  expect(connection.closes).toEqual([{ code: 1006, reason: "Write Failed" }]);
  expect([metrics.value("timed_out"), metrics.value("failed")]).toEqual([1, 1]);
  expect(clock.pending).toBe(0);
});

test("Outbox gives a peer up in the same time when a close waits behind what it does not take [Q25]", async () => {
  const { outbox, connection, clock, metrics, lost } = await stalledBench();
  outbox.clear();
  outbox.finish(CLOSES.tooSlow, textFrame("too slow"));

  clock.advance(2100);

  expect(lost).toEqual(["write timed out"]);
  expect(connection.closes).toEqual([{ code: 1006, reason: "Write Failed" }]);
  expect(connection.sent).toHaveLength(1);
  expect(metrics.value("timed_out")).toBe(1);
});

test("Outbox waits for ever when the write timeout is 0 [Q9]", async () => {
  const { clock, lost, drain, connection, outbox } = await stalledBench({ writeTimeoutMs: 0 });
  outbox.push(textFrame("next"));

  clock.advance(3_600_000);
  expect(lost).toEqual([]);
  drain();

  expect(connection.sent[1]).toBe("next");
});

test("Outbox gives each frame of a batch its own timeout", async () => {
  const { outbox, connection, clock, lost } = bench({ maxPendingBytes: 0 });
  connection.isStuck = true;
  for (let i = 0; i < 4; i++) outbox.push(textFrame("x".repeat(100)));
  await settled();

  for (const held of [280, 150, 40]) {
    connection.held = held;
    clock.advance(1900);
  }
  expect(lost).toEqual([]);
  clock.advance(4500);

  expect(lost).toEqual(["write timed out"]);
});

test("Outbox does not prolong the time of one large frame of which a part gets away", async () => {
  const { outbox, connection, clock, lost } = bench({ maxPendingBytes: 0 });
  connection.isStuck = true;
  outbox.push(textFrame("x".repeat(10_000)));
  await settled();

  connection.held = 100;
  clock.advance(2100);

  expect(lost).toEqual(["write timed out"]);
});

test("Outbox sends a ping at once, before what is queued", async () => {
  const { outbox, connection, clock, metrics } = bench();
  outbox.push(textFrame("a"));

  outbox.ping(PING, clock.now() + 1500);
  await settled();

  expect(connection.sent).toEqual([PING.data as string, "a"]);
  expect([metrics.value("frames"), metrics.value("bytes")]).toEqual([1, PING.bytes + 1]);
});

test("Outbox sends the last ping of a stall in front of what waits, when the peer takes again", async () => {
  const { outbox, connection, clock, drain } = await stalledBench({ writeTimeoutMs: 0 });
  outbox.push(textFrame("a"));
  outbox.ping(textFrame('{"type":"ping","message":0}'), clock.now() + 1500);
  outbox.ping(PING, clock.now() + 1500);
  expect(connection.sent).toHaveLength(1);

  drain();

  expect(connection.sent.slice(1)).toEqual([PING.data as string, "a"]);
});

test("Outbox gives a peer up whose ping does not get away in time", async () => {
  const { outbox, connection, clock, lost, metrics } = bench();
  connection.isStuck = true;

  outbox.ping(PING, clock.now() + 500);
  clock.advance(600);

  expect(lost).toEqual(["ping timed out"]);
  expect(connection.closes).toEqual([{ code: 1006, reason: "Ping failed" }]);
  expect([metrics.value("timed_out"), metrics.value("failed")]).toEqual([0, 0]);
});

test("Outbox does not give a peer up for a late ping that is slow but takes frame after frame", async () => {
  const { outbox, connection, clock, lost } = bench({ maxPendingBytes: 0, writeTimeoutMs: 20_000 });
  connection.isStuck = true;
  for (let i = 0; i < 4; i++) outbox.push(textFrame("x".repeat(100)));
  await settled();

  for (const held of [280, 150, 40]) {
    outbox.ping(PING, clock.now() + 1500);
    connection.held = held;
    clock.advance(1600);
  }
  expect(lost).toEqual([]);
  outbox.ping(PING, clock.now() + 1500);
  clock.advance(1600);

  expect(lost).toEqual(["ping timed out"]);
});

test("Outbox does not let a ping prolong the write timeout", async () => {
  const { outbox, clock, lost } = await stalledBench();
  clock.advance(1500);

  outbox.ping(PING, clock.now() + 1500);
  clock.advance(600);

  expect(lost).toEqual(["write timed out"]);
});

test("Outbox writes nothing and closes nothing after it was abandoned", async () => {
  const { outbox, connection, clock, drain } = await stalledBench();
  outbox.push(textFrame("a"));

  outbox.abandon();
  outbox.push(textFrame("b"));
  outbox.finish(CLOSES.remote, textFrame("bye"));
  outbox.ping(PING, clock.now() + 10);
  drain();
  await settled();
  clock.advance(10_000);

  expect(connection.sent).toHaveLength(1);
  expect(connection.closes).toEqual([]);
  expect(outbox.isIdle).toBe(true);
  expect(clock.pending).toBe(0);
});

test("Outbox is idle when neither frames nor a close wait", async () => {
  const { outbox } = bench();
  expect(outbox.isIdle).toBe(true);

  outbox.finish(CLOSES.remote);
  expect(outbox.isIdle).toBe(false);
  await settled();

  expect(outbox.isIdle).toBe(true);
});
