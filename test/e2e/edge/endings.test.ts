import { expect, test } from "bun:test";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cableway } from "../../support/cableway.ts";
import { until } from "../../support/until.ts";
import { OPCODES } from "../../support/web-socket-frames.ts";
import { handshakeText, RawExchange } from "./raw-exchange.ts";

const RESTART = { type: "disconnect", reason: "server_restart", reconnect: true };

test("A request whose body never comes takes half of a shutdown's time at most; clients are told, exit 0", async () => {
  await using server = await Cableway.start(["--public", "--shutdown_timeout=3"]);
  using client = await server.connect();
  await client.next();
  using hanging = new RawExchange(server).write(
    `POST /_broadcast HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: 10\r\n\r\n{`,
  );
  await server.fetch("/health");

  server.signal();

  expect(await client.next(2500)).toEqual(RESTART);
  expect(await client.closed()).toEqual({ code: 1001, reason: "Server restart" });
  expect(await server.exited(3500)).toBe(0);
  expect(hanging.text).toBe("");
});

test("An idle connection that is kept alive does not hold up a shutdown", async () => {
  await using server = await Cableway.start(["--public"]);
  using idle = new RawExchange(server);
  await idle.write(`GET /health HTTP/1.1\r\nHost: ${server.host}\r\n\r\n`).received("alive.");

  server.signal();

  expect(await server.exited(2000)).toBe(0);
});

test("A second signal ends a shutdown at once, with exit code 0", async () => {
  await using server = await Cableway.start(["--public", "--shutdown_delay=20"]);
  using client = await server.connect();
  await client.next();
  server.signal();
  await server.logged("Shutting down...");

  server.signal("SIGINT");

  expect(await server.exited(2000)).toBe(0);
  expect(server.log).toContain("Immediate termination requested. Stopped");
});

test("A client's close is echoed with its code, and TCP closed", async () => {
  await using server = await Cableway.start(["--public"]);
  for (const [code, seen] of [
    [4001, 4001],
    [1000, 1000],
    [undefined, 1005],
  ] as const) {
    using client = await server.connect();
    await client.next();

    client.sendClose(code);

    expect((await client.closed()).code).toBe(seen);
    await client.ended();
  }
});

test("A violation of the protocol closes with 1002, text that is no UTF-8 with 1007", async () => {
  await using server = await Cableway.start(["--public"]);
  using unmasked = await server.connect();
  using reserved = await server.connect();
  using broken = await server.connect();

  unmasked.sendFrame("{}", { isMasked: false });
  reserved.sendFrame("{}", { isCompressed: true });
  broken.sendFrame(Uint8Array.from([0xff, 0xfe]));

  expect((await unmasked.closed()).code).toBe(1002);
  expect((await reserved.closed()).code).toBe(1002);
  expect((await broken.closed()).code).toBe(1007);
});

test("A client's ping frame is answered with its payload", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect();
  await client.next();

  client.sendFrame("abc", { opcode: OPCODES.ping });

  const frame = await client.nextFrame();
  expect([frame.opcode, frame.payload.toString()]).toEqual([OPCODES.pong, "abc"]);
});

test("TCP is closed right behind the close frame, and given back although the peer keeps its half open", async () => {
  await using server = await Cableway.start(["--public"]);
  const openFiles = (): number => readdirSync(`/proc/${server.process.pid}/fd`).length;
  const before = openFiles();
  const socket = connect({ host: server.host, port: server.port, allowHalfOpen: true });
  try {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    socket.on("end", resolve).on("data", () => undefined);
    socket.write(handshakeText(server).replace("\r\n", "\r\nX-Request-ID: me\r\n"));
    await server.metricReaches("clients_num", 1, 10_000);

    await server.disconnect('{"sid":"me"}');
    await ended;

    await until(
      () => `files are given back: ${before} before, ${openFiles()} now`,
      () => openFiles() <= before + 1,
      10_000,
    );
  } finally {
    socket.destroy();
  }
}, 30_000);

test("No line of the log is lost at the exit when its reader is slow", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cableway-log-"));
  const pipe = join(folder, "log");
  Bun.spawnSync(["mkfifo", pipe]);
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    await using server = await Cableway.start(["--public", "--debug"], {
      through: ["sh", "-c", 'log="$0"; exec "$@" > "$log"', pipe],
    });
    const filler = "x".repeat(60);
    for (let batch = 0; batch < 5; batch++) {
      await server.broadcast(
        Array.from({ length: 200 }, (_, n) => ({
          stream: `${filler}/${batch * 200 + n}`,
          data: "1",
        })),
      );
    }

    server.signal();
    const text = await readAll(reader, () => server.isRunning);
    expect(await server.exited()).toBe(0);

    const streams = [...text.matchAll(/no sessions.*stream=x+\/(\d+)/g)].map(([, n]) => Number(n));
    expect(streams).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    expect(text).toContain("Shutting down...");
    expect(text.length).toBeGreaterThan(2 * 65_536);
  } finally {
    closeSync(reader);
    rmSync(folder, { recursive: true });
  }
}, 20_000);

/** Reads slowly, a piece at a time, until the writer has gone. */
async function readAll(descriptor: number, isRunning: () => boolean): Promise<string> {
  const buffer = Buffer.alloc(32_768);
  let text = "";
  for (;;) {
    const wasRunning = isRunning();
    const count = readSome(descriptor, buffer);
    text += buffer.toString("utf8", 0, count);
    if (count === 0 && !wasRunning) return text;
    await Bun.sleep(5);
  }
}

function readSome(descriptor: number, buffer: Buffer): number {
  try {
    return readSync(descriptor, buffer);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return 0;
    throw error;
  }
}
