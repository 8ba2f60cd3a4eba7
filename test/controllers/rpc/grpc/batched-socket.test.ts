import { expect, test } from "bun:test";
import { Duplex } from "node:stream";
import { batched } from "../../../../src/controllers/rpc/grpc/batched-socket.ts";

/** A socket that keeps what is written to it; `drain` lets it take more. */
class FakeSocket extends Duplex {
  readonly writes: string[] = [];
  drain: () => void = () => undefined;
  private readonly isSlow: boolean;

  constructor(isSlow = false) {
    super({ writableHighWaterMark: isSlow ? 1 : 16_384 });
    this.isSlow = isSlow;
  }

  override _read(): void {
    // the test pushes
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.writes.push(Buffer.from(chunk).toString());
    if (this.isSlow) this.drain = done;
    else done();
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("Writes of one turn of the event loop reach the socket as one, in order", async () => {
  const socket = new FakeSocket();
  const stream = batched(socket);

  stream.write("a");
  stream.write("b");
  await turn();
  stream.write("c");
  await turn();

  expect(socket.writes).toEqual(["ab", "c"]);
});

test("What the socket receives comes out as it is", async () => {
  const socket = new FakeSocket();
  const stream = batched(socket);
  const chunks: string[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk.toString()));

  socket.push("a");
  await turn();
  socket.push("b");
  await turn();

  expect(chunks).toEqual(["a", "b"]);
});

test("A socket that does not keep up holds the writer back", async () => {
  const socket = new FakeSocket(true);
  const stream = batched(socket);
  stream.write("a");
  await turn();
  let isWritten = false;
  stream.write("b", () => {
    isWritten = true;
  });
  await turn();
  expect(isWritten).toBe(false);

  while (!isWritten) {
    socket.drain();
    await turn();
  }

  expect(socket.writes).toEqual(["a", "b"]);
});

test("A failure of the socket is the stream's, with its reason", async () => {
  const socket = new FakeSocket();
  const stream = batched(socket);
  const failure = new Promise((resolve) => stream.on("error", resolve));

  socket.destroy(new Error("connect ECONNREFUSED"));

  expect(await failure).toMatchObject({ message: "connect ECONNREFUSED" });
  expect(stream.destroyed).toBe(true);
});

test("The end of the stream writes what is left and ends the socket", async () => {
  const socket = new FakeSocket();
  const stream = batched(socket);
  stream.write("a");

  stream.destroy();
  await turn();

  expect([socket.writes, socket.destroyed]).toEqual([["a"], true]);
});
