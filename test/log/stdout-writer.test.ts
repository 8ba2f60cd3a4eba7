import { expect, test } from "bun:test";
import { join } from "node:path";
import { StdoutWriter } from "../../src/log/stdout-writer.ts";
import { FakeClock } from "../support/fake-clock.ts";

interface Reader {
  /** What arrived, one entry per write. */
  readonly writes: string[];
  /** Bytes it still takes; beyond them it is busy. */
  room: number;
  /** Code of the error instead of taking anything. */
  broken: string | null;
}

function open(options: { maxWaitingBytes?: number } = {}) {
  const reader: Reader = { writes: [], room: Number.POSITIVE_INFINITY, broken: null };
  const clock = new FakeClock();
  const lost: number[] = [];
  const writer = new StdoutWriter(
    { fd: 1, maxWaitingBytes: 1000, flushTimeoutMs: 20, ...options },
    {
      clock,
      onLost: (count) => void lost.push(count),
      writeSync: (_, bytes) => take(reader, bytes),
    },
  );
  return { writer, reader, clock, lost };
}

function take(reader: Reader, bytes: Uint8Array): number {
  const code = reader.broken ?? (reader.room === 0 ? "EAGAIN" : null);
  if (code !== null) throw Object.assign(new Error(code), { code });
  const taken = bytes.subarray(0, reader.room);
  reader.room -= taken.length;
  reader.writes.push(Buffer.from(taken).toString());
  return taken.length;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("StdoutWriter writes the lines of one turn at once, in order", async () => {
  const { writer, reader } = open();

  writer.write("a\n");
  writer.write("b\n");
  expect(reader.writes).toEqual([]);
  await turn();

  expect(reader.writes).toEqual(["a\nb\n"]);
});

test("StdoutWriter goes on with the rest when a reader that was busy has room again", async () => {
  const { writer, reader, clock } = open();
  reader.room = 3;
  writer.write("один\n");
  await turn();
  writer.write("two\n");
  await turn();

  reader.room = Number.POSITIVE_INFINITY;
  clock.advance(10);

  const bytes = Buffer.from("один\ntwo\n");
  expect(reader.writes).toEqual([bytes.subarray(0, 3).toString(), bytes.subarray(3).toString()]);
  expect(clock.pending).toBe(0);
});

test("StdoutWriter loses the newest lines above the bound and reports how many", async () => {
  const { writer, reader, clock, lost } = open({ maxWaitingBytes: 6 });
  reader.room = 0;
  for (const line of ["1\n", "2\n", "3\n", "4\n", "5\n"]) writer.write(line);
  await turn();
  expect(lost).toEqual([]);

  reader.room = Number.POSITIVE_INFINITY;
  clock.advance(10);

  expect(reader.writes).toEqual(["1\n2\n3\n"]);
  expect(lost).toEqual([2]);
});

test("StdoutWriter loses nothing of a burst when the reader keeps up", async () => {
  const { writer, reader, lost } = open({ maxWaitingBytes: 6 });

  for (let n = 0; n < 100; n++) writer.write(`${n % 10}\n`);
  await turn();

  expect(reader.writes.join("")).toBe("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n".repeat(10));
  expect(lost).toEqual([]);
});

test("StdoutWriter drops lines for a reader that is gone and goes on", async () => {
  const { writer, reader, clock } = open();
  reader.broken = "EPIPE";
  writer.write("a\n");
  await turn();

  reader.broken = null;
  writer.write("b\n");
  await turn();

  expect(reader.writes).toEqual(["b\n"]);
  expect(clock.pending).toBe(0);
});

test("StdoutWriter.flush writes at once", () => {
  const { writer, reader } = open();
  writer.write("a\n");

  writer.flush();

  expect(reader.writes).toEqual(["a\n"]);
});

test("StdoutWriter.flush gives up on a stuck reader after its time", () => {
  const { writer, reader } = open();
  reader.room = 0;
  writer.write("a\n");
  const startMs = performance.now();

  writer.flush();

  expect(reader.writes).toEqual([]);
  expect(performance.now() - startMs).toBeWithin(20, 2000);
});

test("StdoutWriter.flush leaves no line behind when the process exits on a slow pipe", async () => {
  const program = `
    import { StdoutWriter } from ${JSON.stringify(join(import.meta.dir, "../../src/log/stdout-writer.ts"))};
    const clock = { now: () => Date.now(), after: (ms, run) => { const t = setTimeout(run, ms); return { cancel: () => clearTimeout(t) }; } };
    const writer = new StdoutWriter({ fd: 1, maxWaitingBytes: 1 << 20, flushTimeoutMs: 10000 }, { clock, onLost: () => {} });
    for (let n = 0; n < 20000; n++) writer.write("line " + n + "\\n");
    writer.flush();
    process.exit(0);
  `;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });

  const lines = (await child.stdout.text()).trimEnd().split("\n");

  expect(lines.length).toBe(20000);
  expect(lines.at(-1)).toBe("line 19999");
  expect(await child.exited).toBe(0);
});
