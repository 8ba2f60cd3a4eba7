import { connect as connectSocket } from "node:net";
import { ConnectError } from "@connectrpc/connect";
import {
  Connection,
  type ConnectionOptions,
  type ConnectionOwner,
} from "../../../../src/controllers/rpc/grpc/connection.ts";
import { Exchange } from "../../../../src/controllers/rpc/grpc/exchange.ts";
import { RequestHeaders } from "../../../../src/controllers/rpc/grpc/request-headers.ts";
import type { Clock } from "../../../../src/ports/clock.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import {
  type RawHandler,
  RawPeer,
  type RawPeerOptions,
} from "../../../support/grpc-backend-raw.ts";

/** A CommandResponse with status SUCCESS. */
export const SUCCESS = Buffer.from("0801", "hex");

const OPTIONS: ConnectionOptions = {
  connectTimeoutMs: 20_000,
  keepaliveIntervalMs: 10_000,
  keepaliveTimeoutMs: 20_000,
  isTls: false,
};

/** What the owner of a connection heard, and a way to wait for it. */
export class RecordingOwner implements ConnectionOwner {
  readonly events: string[] = [];
  readonly returnedCalls: Exchange[] = [];
  private waiters: (() => void)[] = [];

  opened(): void {
    this.heard("opened");
  }

  draining(): void {
    this.heard("draining");
  }

  closed(_: Connection, reason: string): void {
    this.heard(`closed: ${reason}`);
  }

  returned(exchange: Exchange): void {
    this.returnedCalls.push(exchange);
    this.heard("returned");
  }

  async until(event: string): Promise<void> {
    while (!this.events.some((one) => one.startsWith(event))) {
      await new Promise<void>((resolve) => this.waiters.push(resolve));
    }
  }

  private heard(event: string): void {
    this.events.push(event);
    const { waiters } = this;
    this.waiters = [];
    for (const wake of waiters) wake();
  }
}

/** Peers and connections of one test; disposing ends them. */
export class Wire implements Disposable {
  private readonly ends: (() => void)[] = [];

  async peer(handler: RawHandler, options: RawPeerOptions = {}): Promise<RawPeer> {
    const raw = await new RawPeer(handler, options).start();
    this.ends.push(() => raw.stop());
    return raw;
  }

  /** A connection on its way, its owner, and how often the peer has complained about pings. */
  connect(port: number, clock: Clock = new FakeClock()) {
    const owner = new RecordingOwner();
    const complaints = { count: 0 };
    const connection = new Connection(OPTIONS, {
      clock,
      owner,
      headers: new RequestHeaders({
        isTls: false,
        authority: "localhost",
        userAgent: "test",
        protoVersions: "v1",
      }),
      dial: () => connectSocket({ host: "127.0.0.1", port }),
      tooManyPings: () => {
        complaints.count += 1;
      },
    });
    this.ends.push(() => connection.destroy("end of the test"));
    connection.open();
    return { connection, owner, complaints };
  }

  /** A connection that takes calls. */
  async open(port: number, clock?: Clock) {
    const made = this.connect(port, clock);
    await made.owner.until("opened");
    return made;
  }

  [Symbol.dispose](): void {
    for (const end of this.ends) end();
  }
}

/** A message in its gRPC frame. */
export function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

const endings = new WeakMap<Exchange, Promise<unknown>>();

/** A call, not sent yet. */
export function someCall(sid = "s1"): Exchange {
  const ending = Promise.withResolvers<unknown>();
  const request = { path: "/anycable.RPC/Command", sid, timeout: "", frame: framed(SUCCESS) };
  const call = new Exchange(request, 1000, {
    ended: (result) => {
      if (result instanceof ConnectError) ending.resolve([result.code, result.rawMessage]);
      else ending.resolve(Buffer.from(result).toString("hex"));
    },
  });
  endings.set(call, ending.promise);
  return call;
}

/** How a call ended: the answer in hex, or the gRPC code and the text of the error. */
export function outcome(call: Exchange): Promise<unknown> {
  return endings.get(call) ?? Promise.reject(new Error("a call of someCall is needed"));
}

/** Waits for what the peer sees; the test's own time limit ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(1);
}
