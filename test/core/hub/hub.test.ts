import { expect, test } from "bun:test";
import { Hub } from "../../../src/core/hub/hub.ts";
import type { Frame } from "../../../src/messages/frame.ts";
import type { Encoder } from "../../../src/ports/encoder.ts";
import type { Subscriber } from "../../../src/ports/subscriber.ts";
import { jsonEncoder } from "../../../src/protocols/actioncable/json-encoder.ts";
import { FakeLog } from "../../support/fake-log.ts";
import { FakeMetrics } from "../../support/fake-metrics.ts";
import { meta, publication } from "../../support/publications.ts";

class RecordingSubscriber implements Subscriber {
  readonly frames: Frame[] = [];
  readonly sid: string;
  readonly encoder: Encoder;

  constructor(sid: string, encoder: Encoder = jsonEncoder) {
    this.sid = sid;
    this.encoder = encoder;
  }

  deliver(frame: Frame): void {
    this.frames.push(frame);
  }

  disconnect(): void {
    throw new Error("the hub disconnects nobody");
  }

  get texts(): readonly string[] {
    return this.frames.map((frame) => String(frame.data));
  }
}

function createHub(): { hub: Hub; log: FakeLog; metrics: FakeMetrics } {
  const [log, metrics] = [new FakeLog(), new FakeMetrics()];
  return { hub: new Hub({ broadcasts: metrics.counter("broadcasts", ""), log }), log, metrics };
}

test("Hub delivers a publication to the subscribers of its stream only", () => {
  const { hub, metrics } = createHub();
  const [alice, bob] = [new RecordingSubscriber("a"), new RecordingSubscriber("b")];
  hub.subscribe(alice, "chat", "room/1");
  hub.subscribe(bob, "chat", "room/2");

  hub.deliver(publication("room/1", '{"text":"hi"}'));

  expect(alice.texts).toEqual(['{"identifier":"chat","message":{"text":"hi"}}']);
  expect(bob.texts).toEqual([]);
  expect(metrics.value("broadcasts")).toBe(1);
});

test("Hub adds stream, epoch and offset to a publication with a position", () => {
  const { hub } = createHub();
  const alice = new RecordingSubscriber("a");
  hub.subscribe(alice, "chat", "s");

  hub.deliver(publication("s", "1", { epoch: "aB3x", offset: 7 }));

  expect(alice.texts).toEqual([
    '{"identifier":"chat","message":1,"stream_id":"s","epoch":"aB3x","offset":7}',
  ]);
});

test("Hub embeds JSON as it was published and anything else as a string", () => {
  const cases = [
    ['{"b":1,"a":12345678901234567890}', '{"b":1,"a":12345678901234567890}'],
    ["hello", '"hello"'],
    ["", '""'],
    ["null", '"null"'],
    ['"\\"x\\""', '"\\"x\\""'],
    ['{"a":1} x', '"{\\"a\\":1} x"'],
    ["false", "false"],
    ["[".repeat(100_000), JSON.stringify("[".repeat(100_000))],
  ] as const;
  for (const [data, message] of cases) {
    const { hub } = createHub();
    const alice = new RecordingSubscriber("a");
    hub.subscribe(alice, "i", "s");

    hub.deliver(publication("s", data));

    expect(alice.texts).toEqual([`{"identifier":"i","message":${message}}`]);
  }
});

test("Hub sends one frame per identifier, and one for an identifier that asked twice", () => {
  const { hub } = createHub();
  const alice = new RecordingSubscriber("a");
  expect(hub.subscribe(alice, "x", "s")).toBe(true);
  expect(hub.subscribe(alice, "y", "s")).toBe(true);
  expect(hub.subscribe(alice, "x", "s")).toBe(false);

  hub.deliver(publication("s", "1"));

  expect([...alice.texts].sort()).toEqual([
    '{"identifier":"x","message":1}',
    '{"identifier":"y","message":1}',
  ]);
});

test("Hub encodes once for all who get the same frame", () => {
  const { hub } = createHub();
  const crowd = ["a", "b", "c"].map((sid) => new RecordingSubscriber(sid));
  for (const subscriber of crowd) hub.subscribe(subscriber, "chat", "s");

  hub.deliver(publication("s", "1"));

  expect(new Set(crowd.map(({ frames }) => frames[0])).size).toBe(1);
});

test("Hub encodes apart for subscribers of different encodings", () => {
  const { hub } = createHub();
  const other: Encoder = {
    ...jsonEncoder,
    id: "other",
    encode: () => ({ data: "other", bytes: 5 }),
  };
  const [alice, bob] = [new RecordingSubscriber("a"), new RecordingSubscriber("b", other)];
  hub.subscribe(alice, "chat", "s");
  hub.subscribe(bob, "chat", "s");

  hub.deliver(publication("s", "1"));

  expect(alice.texts).toEqual(['{"identifier":"chat","message":1}']);
  expect(bob.texts).toEqual(["other"]);
});

test("Hub leaves the excluded session out on all its identifiers", () => {
  const { hub } = createHub();
  const [alice, bob] = [new RecordingSubscriber("a"), new RecordingSubscriber("b")];
  for (const subscriber of [alice, bob]) {
    hub.subscribe(subscriber, "x", "s");
    hub.subscribe(subscriber, "y", "s");
  }

  hub.deliver(publication("s", "1", { meta: meta({ excludeSocket: "a" }) }));

  expect(alice.frames).toHaveLength(0);
  expect(bob.frames).toHaveLength(2);
});

test("Hub encodes nothing for a group of the excluded session alone", () => {
  // A client with long identifiers on the stream it whispers to cost everybody seconds.
  const { hub } = createHub();
  const encoded: string[] = [];
  const encoder: Encoder = {
    ...jsonEncoder,
    encode: (reply) => {
      if (reply.type === "publication") encoded.push(reply.identifier);
      return jsonEncoder.encode(reply);
    },
  };
  const [alice, bob] = [
    new RecordingSubscriber("a", encoder),
    new RecordingSubscriber("b", encoder),
  ];
  for (const identifier of ["x", "y", "z"]) hub.subscribe(alice, identifier, "s");
  hub.subscribe(bob, "z", "s");

  hub.deliver(publication("s", "1", { meta: meta({ excludeSocket: "a" }) }));

  expect(encoded).toEqual(["z"]);
  expect(bob.frames).toHaveLength(1);
});

test("Hub reports what it delivers, when debugging", () => {
  const { hub, log } = createHub();
  hub.subscribe(new RecordingSubscriber("a"), "i", "s");

  hub.deliver(publication("s", "1"));

  expect(log.records).toEqual([
    { level: "debug", message: "schedule broadcast", attributes: { stream: "s" } },
  ]);
});

test("Hub turns the broadcast type into the type of the message", () => {
  const { hub } = createHub();
  const alice = new RecordingSubscriber("a");
  hub.subscribe(alice, "i", "s");

  hub.deliver(publication("s", '{"id":"42"}', { meta: meta({ broadcastType: "presence" }) }));

  expect(alice.texts).toEqual(['{"type":"presence","identifier":"i","message":{"id":"42"}}']);
});

test("Hub delivers in the order of the publications", () => {
  const { hub } = createHub();
  const alice = new RecordingSubscriber("a");
  hub.subscribe(alice, "i", "s");

  for (let i = 0; i < 100; i++) hub.deliver(publication("s", String(i)));

  expect(alice.texts).toEqual(
    Array.from({ length: 100 }, (_, i) => `{"identifier":"i","message":${i}}`),
  );
});

test("Hub counts streams with subscribers and forgets a stream with its last one", () => {
  const { hub } = createHub();
  const [alice, bob] = [new RecordingSubscriber("a"), new RecordingSubscriber("b")];
  hub.subscribe(alice, "i", "s");
  hub.subscribe(bob, "i", "s");
  hub.subscribe(bob, "i", "t");
  expect(hub.streamCount).toBe(2);

  expect(hub.unsubscribe(alice, "i", "s")).toBe(true);
  expect(hub.unsubscribe(alice, "i", "s")).toBe(false);
  expect(hub.unsubscribe(bob, "i", "s")).toBe(true);
  expect(hub.unsubscribe(bob, "i", "unknown")).toBe(false);

  expect(hub.streamCount).toBe(1);
});

test("Hub counts and reports a publication that nobody listens to", () => {
  const { hub, log, metrics } = createHub();

  hub.deliver(publication("s", "1"));

  expect(metrics.value("broadcasts")).toBe(1);
  expect(log.messages("debug")).toEqual(["no sessions"]);
});

test("Hub serves a crowd that comes and goes, each once", () => {
  const { hub } = createHub();
  const crowd = Array.from({ length: 40 }, (_, i) => new RecordingSubscriber(`s${i}`));
  for (const subscriber of crowd) hub.subscribe(subscriber, "i", "s");
  for (const subscriber of crowd) expect(hub.subscribe(subscriber, "i", "s")).toBe(false);
  const [gone, left] = [crowd.slice(0, 30), crowd.slice(30)];
  for (const subscriber of gone) hub.unsubscribe(subscriber, "i", "s");

  hub.deliver(publication("s", "1"));

  expect(gone.map(({ frames }) => frames.length)).toEqual(gone.map(() => 0));
  expect(left.map(({ frames }) => frames.length)).toEqual(left.map(() => 1));
});

test("Hub keeps names apart that look like members of objects, or like each other", () => {
  const { hub } = createHub();
  const alice = new RecordingSubscriber("a");
  for (const stream of ["__proto__", "constructor", "a b"]) hub.subscribe(alice, "x y", stream);
  hub.subscribe(alice, "x", "toString");

  hub.deliver(publication("__proto__", "1"));
  hub.deliver(publication("a", "2"));

  expect(alice.texts).toEqual(['{"identifier":"x y","message":1}']);
  expect(hub.streamCount).toBe(4);
});
