import { expect, test } from "bun:test";
import { JetStreamReadiness } from "../../../src/clients/nats/readiness.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeLog } from "../../support/fake-log.ts";
import { codeOf } from "../../support/nats-server.ts";

function create(failures: number) {
  const [clock, log] = [new FakeClock(), new FakeLog()];
  const watchers: ((isUp: boolean) => void)[] = [];
  const calls: string[] = [];
  const readiness = new JetStreamReadiness({
    clock,
    log,
    random: () => 0,
    link: {
      watch: (watcher) => {
        watchers.push(watcher);
        return () => undefined;
      },
    },
    onFatal: (message) => void calls.push(message),
  });
  let left = failures;
  readiness.add(
    async () => {
      left -= 1;
      if (left >= 0) throw new Error("no quorum");
    },
    () => void calls.push("ready"),
  );
  return { clock, log, readiness, calls, watchers };
}

test("JetStreamReadiness tries five times more, then tells the reason once and gives up", async () => {
  const { clock, log, readiness, calls } = create(Number.POSITIVE_INFINITY);

  await readiness.start();
  await clock.advanceAsync(120_000);

  expect(calls).toEqual(["JetStream is unavailable, cause: no quorum"]);
  expect(
    log.records.map(({ message, attributes }) => [message, String(attributes["next_attempt_in"])]),
  ).toEqual(
    ["250ms", "2s", "4s", "8s", "16s"].map((delay) => ["JetStream initialization failed", delay]),
  );
});

test("JetStreamReadiness lets callers wait up to a second, and tells all when it is ready", async () => {
  const { clock, readiness, calls } = create(2);
  await readiness.start();
  const early = codeOf(() => readiness.wait());

  await clock.advanceAsync(1000);
  expect(await early).toBe("nats_unavailable");
  const late = codeOf(() => readiness.wait());
  await clock.advanceAsync(2000);

  expect(await late).toBe("nats_unavailable");
  expect(calls).toEqual(["ready"]);
  expect(readiness.isReady).toBe(true);
  expect(await codeOf(() => readiness.wait())).toBe("no error");
});

test("JetStreamReadiness tries at once when a connection comes up", async () => {
  const { clock, readiness, calls, watchers } = create(2);
  await readiness.start();
  await clock.advanceAsync(300);

  for (const watcher of watchers) watcher(true);
  await clock.advanceAsync(0);

  expect(calls).toEqual(["ready"]);
});

test("JetStreamReadiness leaves nothing behind when stopped in between", async () => {
  const { clock, readiness, calls } = create(Number.POSITIVE_INFINITY);
  await readiness.start();
  await clock.advanceAsync(0);

  await readiness.stop(AbortSignal.abort());

  expect(clock.pending).toBe(0);
  expect(calls).toEqual([]);
});
