import { expect, test } from "bun:test";
import { NatsGapFiller } from "../../../src/broker/nats/gap-filler.ts";
import { HistoryCopy } from "../../../src/broker/nats/history-copy.ts";
import type { Publication } from "../../../src/messages/publication.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import { FakeLog } from "../../support/fake-log.ts";
import { meta, publication } from "../../support/publications.ts";
import { RecordingDelivery } from "../../support/recording-delivery.ts";
import { RecordingPubSub } from "../../support/recording-pubsub.ts";

/** Pauses last a turn of the event loop. */
const CLOCK: Clock = {
  now: () => 0,
  after: (_delayMs, callback) => {
    const timer = setImmediate(callback);
    return { cancel: () => clearImmediate(timer) };
  },
};

/** What JetStream holds of stream `a`: offsets `first` to `last`. */
interface Stored {
  readonly first: number;
  readonly last: number;
  readonly epoch?: string;
  readonly created?: string;
}

function at(offset: number, given: Partial<Publication> = {}): Publication {
  return publication("a", `${offset}`, { offset, epoch: "e1", ...given });
}

function copyOf({ first, last, epoch = "e1", created = "c1" }: Stored): HistoryCopy {
  const copy = new HistoryCopy("a", epoch, created);
  const numbers = Array.from({ length: last - first + 1 }, (_, n) => first + n);
  copy.update(
    { maxAgeMs: 0, maxMessages: 0, created, firstSequence: first, lastSequence: last },
    numbers.map((sequence) => ({
      subject: "_ac_a",
      sequence,
      data: `${sequence}`,
      timeMs: 1,
      isDeletion: false,
    })),
  );
  return copy;
}

/** A filler for stream `a`, with one subscriber. @param stored at the beginning; `away`: JetStream is */
async function start(stored: Stored | "away" | null) {
  const state = { stored, meanwhile: (): void => undefined };
  const [delivery, log, pubsub] = [new RecordingDelivery(), new FakeLog(), new RecordingPubSub()];
  const memory = {
    end: async () => {
      if (state.stored === "away") throw new Error("away");
      if (state.stored === null) return null;
      const { created = "c1", epoch = "e1", last: offset } = state.stored;
      return { created, epoch, offset };
    },
    copy: async () => {
      state.meanwhile();
      if (state.stored === "away") throw new Error("away");
      return state.stored === null ? null : copyOf(state.stored);
    },
  };
  const gaps = new NatsGapFiller({ delivery, memory, clock: CLOCK, log });
  await gaps.watch(pubsub).subscribe("a");
  await new Promise((resolve) => setImmediate(resolve));
  const deliver = (...publications: readonly Publication[]) => {
    for (const each of publications) gaps.deliver(each);
  };
  const delivered = () => delivery.publications.map(({ offset }) => offset);
  return { gaps, state, delivery, log, deliver, delivered };
}

test("NatsGapFiller passes on what comes, in any order, and twice what comes twice", async () => {
  const { deliver, delivered } = await start({ first: 1, last: 3 });

  deliver(at(5), at(4), at(3), at(5), publication("a", "x"), publication("b", "y", { offset: 9 }));

  expect(delivered()).toEqual([5, 4, 3, 5, 0, 9]);
});

test("NatsGapFiller delivers, once, what was missed and only that when pub/sub is back", async () => {
  const { gaps, state, deliver, delivered, log } = await start({ first: 1, last: 3 });
  deliver(at(5));
  state.stored = { first: 1, last: 7 };

  await gaps.returned();
  await gaps.returned();
  // Two of them come late from their nodes, then something new.
  deliver(at(6), at(7), at(8));

  expect(delivered()).toEqual([5, 4, 6, 7, 8]);
  expect(log.records.filter(({ level }) => level === "info")).toEqual([
    {
      level: "info",
      message: "messages between nodes were lost and read again",
      attributes: { context: "broker", provider: "nats", stream: "a", count: 3 },
    },
  ]);
});

test("NatsGapFiller takes what comes from its node meanwhile, with its options, in its place", async () => {
  const { gaps, state, deliver, delivered, delivery } = await start({ first: 1, last: 3 });
  state.stored = { first: 1, last: 6 };
  const options = meta({ excludeSocket: "s1" });
  state.meanwhile = () => deliver(at(5, { meta: options }), at(7));

  await gaps.returned();

  expect(delivered()).toEqual([4, 5, 6, 7]);
  expect(delivery.publications[1]?.meta).toEqual(options);
});

test("NatsGapFiller delivers all of a stream that began anew while pub/sub was away", async () => {
  const { gaps, state, deliver, delivered } = await start({ first: 1, last: 3 });
  deliver(at(4));
  state.stored = { first: 1, last: 2, epoch: "e2", created: "c2" };

  await gaps.returned();
  deliver(at(3, { epoch: "e2" }));

  expect(delivered()).toEqual([4, 1, 2, 3]);
});

test("NatsGapFiller repeats nothing of a stream that goes on in another epoch", async () => {
  // Another stream was lost: the epoch is renewed for all, the offsets of this one go on.
  const { gaps, state, deliver, delivered } = await start({ first: 1, last: 3 });
  deliver(at(4));
  state.stored = { first: 1, last: 6, epoch: "e2" };

  await gaps.returned();
  deliver(at(7, { epoch: "e2" }), at(4));
  await gaps.returned();

  expect(delivered()).toEqual([4, 5, 6, 7, 4]);
});

test("NatsGapFiller delivers all of a stream that had nothing at the first subscription", async () => {
  const { gaps, state, delivered } = await start(null);
  state.stored = { first: 1, last: 2 };

  await gaps.returned();

  expect(delivered()).toEqual([1, 2]);
});

test("NatsGapFiller tells what history no longer has, and delivers the rest", async () => {
  const { gaps, state, delivered, log } = await start({ first: 1, last: 3 });
  state.stored = { first: 6, last: 7 };

  await gaps.returned();

  expect(delivered()).toEqual([6, 7]);
  expect(log.messages("warn")).toEqual(["messages between nodes were lost"]);
});

test("NatsGapFiller keeps nothing back while JetStream is away, and fills the gap when it is there", async () => {
  const { gaps, state, deliver, delivered } = await start({ first: 1, last: 3 });
  state.stored = "away";
  const returning = gaps.returned();
  deliver(at(5));
  await returning;
  expect(delivered()).toEqual([5]);

  state.stored = { first: 1, last: 5 };
  await gaps.returned();

  expect(delivered()).toEqual([5, 4]);
});

test("NatsGapFiller holds what comes over a fresh connection until what was missed has been delivered", async () => {
  const { gaps, state, deliver, delivered } = await start({ first: 1, last: 3 });
  state.stored = { first: 1, last: 6 };

  gaps.reconnected();
  deliver(at(6), at(7));
  expect(delivered()).toEqual([]);
  await gaps.returned();

  expect(delivered()).toEqual([4, 5, 6, 7]);
});

test("NatsGapFiller asks again for a stream whose leader is away at first, and says when it stays away", async () => {
  const { gaps, state, delivered, log } = await start({ first: 1, last: 3 });
  state.stored = "away";
  let asked = 0;
  state.meanwhile = () => {
    asked += 1;
  };
  const returning = gaps.returned();
  for (let n = 0; n < 4; n += 1) await new Promise((resolve) => setImmediate(resolve));
  state.stored = { first: 1, last: 4 };
  await returning;
  expect([delivered(), asked]).toEqual([[4], 1]);

  state.stored = "away";
  await gaps.returned();

  expect(log.messages("warn")).toEqual(["missed messages could not be read"]);
});

test("NatsGapFiller looks again when pub/sub was lost while it looked", async () => {
  const { gaps, state, delivered } = await start({ first: 1, last: 3 });
  state.stored = { first: 1, last: 4 };
  let again: Promise<void> | null = null;
  state.meanwhile = () => {
    again ??= gaps.returned();
  };
  const returning = gaps.returned();
  await returning;
  state.stored = { first: 1, last: 5 };
  await again;
  await gaps.returned();

  expect(delivered()).toEqual([4, 5]);
});

test("NatsGapFiller delivers nothing old where it never learnt the beginning", async () => {
  const { gaps, state, delivered } = await start("away");
  state.stored = { first: 1, last: 4 };

  await gaps.returned();
  state.stored = { first: 1, last: 5 };
  await gaps.returned();

  expect(delivered()).toEqual([5]);
});
