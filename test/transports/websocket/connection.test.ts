import { expect, test } from "bun:test";
import { textFrame } from "../../../src/messages/frame.ts";
import { jsonEncoder } from "../../../src/protocols/actioncable/json-encoder.ts";
import type { Socket } from "../../../src/transports/socket-handler.ts";
import { Batch } from "../../../src/transports/websocket/batch.ts";
import { WebSocketConnection } from "../../../src/transports/websocket/connection.ts";
import { ConnectionSlots } from "../../../src/transports/websocket/connection-slots.ts";
import { FakeLog } from "../../support/fake-log.ts";
import { connectRequest } from "../../support/node-room.ts";

/** The calls of the runtime's socket that matter, recorded. */
class FakeSocket {
  readonly calls: string[] = [];

  cork(write: (socket: unknown) => void): void {
    this.calls.push("cork");
    write(this);
    this.calls.push("uncork");
  }

  sendText(text: string): number {
    this.calls.push(`text ${text}`);
    return text.length;
  }

  sendBinary(bytes: Uint8Array): number {
    this.calls.push(`binary ${bytes.length}`);
    return bytes.length;
  }

  close(code: number, reason: string): void {
    this.calls.push(`close ${code} ${reason}`);
  }

  terminate(): void {
    this.calls.push("terminate");
  }

  ping(): void {
    this.calls.push("ping");
  }

  getBufferedAmount(): number {
    return 7;
  }
}

function open(maxMessageBytes = 10) {
  const events: string[] = [];
  const slots = new ConnectionSlots(1);
  slots.tryAcquire();
  const connection = new WebSocketConnection(connectRequest(), jsonEncoder, {
    gateway: {
      open: (_connection, { sid }) => {
        events.push(`open ${sid}`);
        return {
          receive: (data) => void events.push(`receive ${data}`),
          drained: () => void events.push("drained"),
          probed: () => void events.push("probed"),
          closed: () => void events.push("closed"),
        };
      },
    },
    batch: new Batch({ isCompressed: false }),
    slots,
    maxMessageBytes,
    log: new FakeLog(),
  });
  const socket = new FakeSocket();
  // Proof: the connection calls nothing else of a socket than what the fake has.
  connection.opened(socket as unknown as Socket);
  return { connection, socket, events, slots };
}

test("WebSocketConnection writes a lone frame as it is and several in one cork", () => {
  const { connection, socket } = open();

  expect(connection.send([textFrame("a")], 0)).toBe(1);
  expect(connection.send([textFrame("a"), textFrame("b"), textFrame("c")], 1)).toBe(2);

  expect(socket.calls).toEqual(["text a", "cork", "text b", "text c", "uncork"]);
});

test("WebSocketConnection takes about 64 KB at once, and one frame of any size", () => {
  const { connection } = open();
  const frames = Array.from({ length: 100 }, () => textFrame("x".repeat(10_000)));

  expect(connection.send(frames, 0)).toBe(7);
  expect(connection.send([textFrame("x".repeat(200_000)), textFrame("a")], 0)).toBe(1);
});

test("WebSocketConnection writes bytes as binary frames", () => {
  const { connection, socket } = open();

  connection.send([{ data: Uint8Array.of(1, 2), bytes: 2 }], 0);

  expect(socket.calls).toEqual(["binary 2"]);
});

test("WebSocketConnection closes with code and text, and cuts for 1006", () => {
  const { connection, socket } = open();

  connection.close(1001, "Server restart");
  connection.close(1006, "Write Failed");
  connection.probe();

  expect(socket.calls).toEqual(["close 1001 Server restart", "terminate", "ping"]);
});

test("WebSocketConnection hands messages up to the limit on, in bytes, and closes with 1009 beyond", () => {
  const { connection, socket, events } = open(10);

  connection.received("x".repeat(10));
  connection.received(Buffer.from("y".repeat(10)));
  connection.received("é".repeat(6));
  connection.received(Buffer.alloc(11));

  expect(events).toEqual(["open s1", `receive ${"x".repeat(10)}`, `receive ${"y".repeat(10)}`]);
  expect(socket.calls).toEqual(["close 1009 ", "close 1009 "]);
});

test("WebSocketConnection without a limit hands everything on", () => {
  const { connection, events } = open(0);

  connection.received("x".repeat(100_000));

  expect(events).toHaveLength(2);
});

test("WebSocketConnection gives its slot back when the socket is gone, and is silent from then on", () => {
  const { connection, socket, events, slots } = open();

  connection.drained();
  connection.ponged();
  connection.ended(1006);
  connection.received("late");

  expect(events).toEqual(["open s1", "drained", "probed", "closed"]);
  expect(slots.tryAcquire()).toBe(true);
  expect([connection.send([textFrame("a")], 0), connection.bufferedBytes()]).toEqual([0, 0]);
  connection.close(1000, "");
  expect(socket.calls).toEqual([]);
});
