import { expect, test } from "bun:test";
import type { MetricsWriter } from "../../src/metrics/metrics-writer.ts";
import { PeriodicWriter } from "../../src/metrics/periodic-writer.ts";
import { Registry, type Rotation } from "../../src/metrics/registry.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeLog, type LogRecord } from "../support/fake-log.ts";

class RecordingWriter implements MetricsWriter {
  readonly calls: string[] = [];
  readonly rotations: Rotation[] = [];
  failure: Error | null = null;

  async start(): Promise<void> {
    this.calls.push("start");
  }

  async write(rotation: Rotation): Promise<void> {
    this.calls.push("write");
    this.rotations.push(rotation);
    if (this.failure !== null) throw this.failure;
  }

  async stop(): Promise<void> {
    this.calls.push("stop");
  }
}

function open(writers: readonly MetricsWriter[]) {
  const registry = new Registry();
  const clock = new FakeClock();
  const log = new FakeLog();
  const service = new PeriodicWriter({ intervalMs: 15_000 }, { registry, writers, clock, log });
  return { service, registry, clock, log };
}

test("PeriodicWriter writes for the first time one full interval after the start", async () => {
  const writer = new RecordingWriter();
  const { service, clock, log } = open([writer]);
  await service.start();

  await clock.advanceAsync(14_999);
  expect(writer.calls).toEqual(["start"]);
  await clock.advanceAsync(1);

  expect(writer.calls).toEqual(["start", "write"]);
  expect(log.messages("debug")).toEqual(["rotate metrics"]);
  expect(log.records[0]?.attributes["context"]).toBe("metrics");
  expect(String(log.records[0]?.attributes["interval"])).toBe("15s");
});

test("PeriodicWriter gives the same deltas to every writer, totals since the start first", async () => {
  const [a, b] = [new RecordingWriter(), new RecordingWriter()];
  const { service, clock, registry } = open([a, b]);
  const counter = registry.counter("a_total", "A");
  counter.add(2);
  await service.start();

  await clock.advanceAsync(15_000);
  counter.add(1);
  await clock.advanceAsync(15_000);

  const growth = (writer: RecordingWriter) =>
    writer.rotations.map((r) => r.counters.get("a_total"));
  expect([growth(a), growth(b)]).toEqual([
    [2, 1],
    [2, 1],
  ]);
});

test("PeriodicWriter reports a failing writer, still calls the others, and goes on", async () => {
  const [bad, good] = [new RecordingWriter(), new RecordingWriter()];
  bad.failure = new Error("no route");
  const { service, clock, log } = open([bad, good]);
  await service.start();

  await clock.advanceAsync(30_000);

  expect([bad.rotations.length, good.rotations.length]).toEqual([2, 2]);
  const failed: LogRecord = {
    level: "error",
    message: "metrics writer failed to write",
    attributes: { context: "metrics", error: bad.failure },
  };
  expect(log.records.filter((record) => record.level === "error")).toEqual([
    failed,
    failed,
  ] as never);
});

test("PeriodicWriter does nothing without writers", async () => {
  const { service, clock, log } = open([]);

  await service.start();

  expect(clock.pending).toBe(0);
  expect(log.messages("debug")).toEqual(["no metrics writers, disabling metrics rotation"]);
});

test("PeriodicWriter stops its writers without a last write", async () => {
  const writer = new RecordingWriter();
  const { service, clock } = open([writer]);
  await service.start();
  await clock.advanceAsync(10_000);

  await service.stop();
  await clock.advanceAsync(60_000);

  expect(writer.calls).toEqual(["start", "stop"]);
  expect(clock.pending).toBe(0);
});
