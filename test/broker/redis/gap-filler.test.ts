import { expect, test } from "bun:test";
import { GapFiller } from "../../../src/broker/redis/gap-filler.ts";
import type { StreamPosition } from "../../../src/messages/command.ts";
import type { Publication } from "../../../src/messages/publication.ts";
import { ServerError } from "../../../src/messages/server-error.ts";
import type { History } from "../../../src/ports/broker.ts";
import { FakeLog } from "../../support/fake-log.ts";
import { meta, publication } from "../../support/publications.ts";
import { RecordingDelivery } from "../../support/recording-delivery.ts";
import { RecordingPubSub } from "../../support/recording-pubsub.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

function at(offset: number, epoch = "e1"): Publication {
  return publication("a", `${offset}`, { offset, epoch });
}

const AWAY = new ServerError("redis_unavailable", "Redis is not connected");

/** A filler for stream `a`, with one subscriber, whose history answers when told. @param position of the stream; unknown at first */
async function start(position: StreamPosition | ServerError | null = AWAY) {
  let end = position;
  const [delivery, log, pubsub] = [new RecordingDelivery(), new FakeLog(), new RecordingPubSub()];
  const asked: StreamPosition[] = [];
  const answers: PromiseWithResolvers<History>[] = [];
  const memory = {
    position: async () => {
      if (end instanceof ServerError) throw end;
      return end;
    },
    rest: (_stream: string, position: StreamPosition) => {
      asked.push(position);
      const answer = Promise.withResolvers<History>();
      answers.push(answer);
      return answer.promise;
    },
  };
  const gaps = new GapFiller({ delivery, memory, log });
  const watched = gaps.watch(pubsub);
  await watched.subscribe("a");
  await settled();
  const answer = async (history: History): Promise<void> => {
    answers.shift()?.resolve(history);
    await settled();
  };
  const deliver = (...publications: readonly Publication[]) => {
    for (const each of publications) gaps.deliver(each);
  };
  const delivered = () => delivery.publications.map(({ offset, epoch }) => `${epoch}/${offset}`);
  const ends = (changed: StreamPosition): void => {
    end = changed;
  };
  return { gaps, watched, ends, delivery, log, asked, answer, deliver, delivered };
}

test("GapFiller passes on what comes in order, from any position on, and what has none", async () => {
  const { deliver, delivered, asked } = await start();

  deliver(at(7), at(8), publication("a", "x"), at(9), publication("b", "y", { offset: 5 }));

  expect(delivered()).toEqual(["e1/7", "e1/8", "/0", "e1/9", "/5"]);
  expect(asked).toEqual([]);
});

test("GapFiller reads what is missing and delivers it in its place, once, what came meanwhile behind it", async () => {
  const { deliver, delivered, asked, answer, log } = await start();
  deliver(at(1), at(4), publication("a", "x"), at(5));
  expect(delivered()).toEqual(["e1/1"]);
  expect(asked).toEqual([{ epoch: "e1", offset: 1 }]);

  await answer({ ok: true, publications: [at(2), at(3), at(4), at(5)] });
  deliver(at(2), at(3), at(6));

  expect(delivered()).toEqual(["e1/1", "e1/2", "e1/3", "e1/4", "/0", "e1/5", "e1/6"]);
  expect(log.messages("info")).toEqual(["messages between nodes were lost and read again"]);
});

test("GapFiller delivers as it arrived what it held: the history does not know whom to leave out", async () => {
  const { deliver, delivery, answer } = await start();
  const toOthers = { ...at(3), meta: meta({ excludeSocket: "s1" }) };
  deliver(at(1), toOthers);

  await answer({ ok: true, publications: [at(2), at(3)] });

  expect(delivery.publications).toEqual([at(1), at(2), toOthers]);
});

test("GapFiller reads the rest of the last epoch, then a new one from its beginning", async () => {
  const { deliver, delivered, asked, answer } = await start();
  deliver(at(9), at(3, "e2"));
  expect(asked).toEqual([{ epoch: "e1", offset: 9 }]);
  await answer({ ok: true, publications: [at(10), at(11)] });
  expect(asked[1]).toEqual({ epoch: "e2", offset: 0 });

  await answer({ ok: true, publications: [1, 2, 3].map((offset) => at(offset, "e2")) });

  expect(delivered()).toEqual(["e1/9", "e1/10", "e1/11", "e2/1", "e2/2", "e2/3"]);
});

// A server killed between two of its writes had told one node of the last message, and not the other one.
test("GapFiller reads the rest of the last epoch also when the new one is heard from its first message on", async () => {
  const { deliver, delivered, answer, log } = await start();
  deliver(at(9), at(1, "e2"));
  await answer({ ok: true, publications: [at(10)] });

  await answer({ ok: true, publications: [at(1, "e2")] });
  deliver(at(2, "e2"));

  expect(delivered()).toEqual(["e1/9", "e1/10", "e2/1", "e2/2"]);
  expect(log.messages("warn")).toEqual([]);
});

test("GapFiller goes on with a new epoch when nothing of the last one is kept", async () => {
  const { deliver, delivered, answer, log } = await start();
  deliver(at(9), at(1, "e2"));
  await answer({ ok: false, reason: "epoch e1 is gone" });

  await answer({ ok: true, publications: [at(1, "e2")] });

  expect(delivered()).toEqual(["e1/9", "e2/1"]);
  expect(log.messages("warn")).toEqual([]);
});

// A node that was away from pub/sub lost what came for streams of which it had not heard anything before.
test("GapFiller sees a gap in a stream of which nothing had come, from where it was at the first subscription", async () => {
  const { gaps, ends, delivered, asked, answer } = await start({ epoch: "e1", offset: 7 });
  ends({ epoch: "e1", offset: 8 });

  const looked = gaps.returned();
  await settled();
  await answer({ ok: true, publications: [at(8)] });
  await looked;

  expect(asked).toEqual([{ epoch: "e1", offset: 7 }]);
  expect(delivered()).toEqual(["e1/8"]);
});

test("GapFiller sees a gap in a stream to which nothing had ever been published", async () => {
  const { deliver, delivered, asked, answer } = await start(null);
  deliver(at(2));

  await answer({ ok: true, publications: [at(1), at(2)] });

  expect(asked).toEqual([{ epoch: "e1", offset: 0 }]);
  expect(delivered()).toEqual(["e1/1", "e1/2"]);
});

test("GapFiller learns where a stream is also when two first subscribers come at once", async () => {
  const { gaps, watched, asked } = await start({ epoch: "e1", offset: 7 });
  await Promise.all([watched.subscribe("b"), watched.subscribe("b")]);
  await settled();

  gaps.deliver(publication("b", "9", { offset: 9, epoch: "e1" }));

  expect(asked).toEqual([{ epoch: "e1", offset: 7 }]);
});

test("GapFiller passes on what was on its way when it learnt where the stream is", async () => {
  const { deliver, delivered, asked } = await start({ epoch: "e1", offset: 7 });

  deliver(at(6), at(7), at(8));

  expect(delivered()).toEqual(["e1/6", "e1/7", "e1/8"]);
  expect(asked).toEqual([]);
});

test("GapFiller says what is lost for good, and goes on", async () => {
  const { ends, deliver, delivered, asked, answer, log } = await start();
  ends({ epoch: "e1", offset: 4 });
  deliver(at(1), at(4));

  await answer({ ok: false, reason: "messages after 1 are gone" });
  deliver(at(5));

  expect(delivered()).toEqual(["e1/1", "e1/4", "e1/5"]);
  expect(asked).toHaveLength(1);
  expect(log.messages("warn")).toEqual(["messages between nodes were lost"]);
});

test("GapFiller sees a second gap in what it held", async () => {
  const { deliver, delivered, asked, answer } = await start();
  deliver(at(1), at(3), at(6), at(7));

  await answer({ ok: true, publications: [at(2), at(3)] });
  expect(delivered()).toEqual(["e1/1", "e1/2", "e1/3"]);
  await answer({ ok: true, publications: [4, 5, 6, 7].map((offset) => at(offset)) });

  expect(asked.map(({ offset }) => offset)).toEqual([1, 3]);
  expect(delivered()).toEqual([1, 2, 3, 4, 5, 6, 7].map((offset) => `e1/${offset}`));
});

test("GapFiller looks after a loss what has come meanwhile, also when nothing follows", async () => {
  const { gaps, ends, deliver, delivered, answer } = await start();
  deliver(at(1));
  ends({ epoch: "e1", offset: 3 });

  const looked = gaps.returned();
  await settled();
  deliver(at(4));
  await answer({ ok: true, publications: [at(2), at(3), at(4)] });
  await looked;
  deliver(at(3), at(5));

  expect(delivered()).toEqual([1, 2, 3, 4, 5].map((offset) => `e1/${offset}`));
});

test("GapFiller looks once more when pub/sub comes back while it looks", async () => {
  const { gaps, ends, deliver, delivered, answer } = await start();
  deliver(at(1));
  ends({ epoch: "e1", offset: 2 });
  const looked = gaps.returned();
  await settled();

  await gaps.returned();
  ends({ epoch: "e1", offset: 3 });
  await answer({ ok: true, publications: [at(2)] });
  await answer({ ok: true, publications: [at(3)] });
  await looked;

  expect(delivered()).toEqual(["e1/1", "e1/2", "e1/3"]);
});

test("GapFiller waits with what follows a gap while the history is away, and reads it when it is back", async () => {
  const { gaps, ends, deliver, delivered, asked, answer } = await start();
  deliver(at(1));
  await gaps.returned();
  deliver(at(3, "e2"));
  for (const _ of ["e1", "e2"]) await answer({ ok: false, reason: "Redis cannot be read" });
  deliver(at(4, "e2"));
  await gaps.returned();
  expect(delivered()).toEqual(["e1/1"]);

  ends({ epoch: "e2", offset: 4 });
  const looked = gaps.returned();
  await settled();
  await answer({ ok: true, publications: [] });
  await answer({ ok: true, publications: [1, 2, 3, 4].map((offset) => at(offset, "e2")) });
  await looked;

  expect(asked.at(-1)).toEqual({ epoch: "e2", offset: 0 });
  expect(delivered()).toEqual(["e1/1", "e2/1", "e2/2", "e2/3", "e2/4"]);
});

test("GapFiller asks for nothing after a loss when nothing is missing, unknown or left", async () => {
  const { gaps, watched, deliver, delivered, asked } = await start({ epoch: "e1", offset: 2 });

  await gaps.returned();
  deliver(at(2));
  await gaps.returned();
  await watched.subscribe("a");
  await watched.unsubscribe("a");
  deliver(at(3));
  await watched.unsubscribe("a");
  await gaps.returned();
  deliver(at(9));

  expect(asked).toEqual([]);
  expect(delivered()).toEqual(["e1/2", "e1/3", "e1/9"]);
});

test("GapFiller drops what it holds for a stream that everybody left", async () => {
  const { watched, deliver, delivered, answer } = await start();
  deliver(at(1), at(4));

  await watched.unsubscribe("a");
  await watched.subscribe("a");
  deliver(at(8));
  await answer({ ok: true, publications: [at(2), at(3), at(4)] });

  expect(delivered()).toEqual(["e1/1", "e1/8"]);
});

test("GapFiller holds 10 000 publications at most, then goes on without what is missing", async () => {
  const { deliver, delivered, answer, log } = await start();
  deliver(at(1), at(3));

  for (let offset = 4; offset < 10_002; offset++) deliver(at(offset));
  expect(delivered()).toHaveLength(1);
  deliver(publication("a", "x"));
  await answer({ ok: true, publications: [at(2)] });
  deliver(at(10_002));

  expect(delivered()).toHaveLength(10_002);
  expect(delivered().slice(0, 3)).toEqual(["e1/1", "e1/3", "e1/4"]);
  expect(delivered().slice(-2)).toEqual(["/0", "e1/10002"]);
  expect(log.messages("warn")).toHaveLength(1);
});
