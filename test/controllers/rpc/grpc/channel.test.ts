import { expect, test } from "bun:test";
import { connect as connectSocket } from "node:net";
import { Channel } from "../../../../src/controllers/rpc/grpc/channel.ts";
import { Connection } from "../../../../src/controllers/rpc/grpc/connection.ts";
import { RequestHeaders } from "../../../../src/controllers/rpc/grpc/request-headers.ts";
import type { Address } from "../../../../src/controllers/rpc/grpc/target.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { FakeLog } from "../../../support/fake-log.ts";
import type { RawHandler, RawPeer } from "../../../support/grpc-backend-raw.ts";
import { outcome, SUCCESS, someCall, until, Wire } from "./wire.ts";

const IDLE_MS = 30 * 60_000;
const answer: RawHandler = (connection, id) => connection.reply(id, SUCCESS);

/** A channel on a clock that stands still, with addresses that a test may change. */
class Rig implements Disposable {
  readonly clock = new FakeClock();
  readonly log = new FakeLog();
  readonly channel: Channel;
  addresses: readonly Address[] | Error;
  lookups = 0;

  constructor(...ports: readonly number[]) {
    this.addresses = ports.map(addressOf);
    this.channel = new Channel(
      { idleTimeoutMs: IDLE_MS },
      {
        clock: this.clock,
        log: this.log,
        random: () => 0.5,
        resolver: { isDynamic: true, resolve: () => this.lookUp() },
        createConnection: ({ endpoint, authority }, owner) =>
          new Connection(
            {
              connectTimeoutMs: 20_000,
              // no pings: the clock jumps, the peer's answer takes real time
              keepaliveIntervalMs: 10 * IDLE_MS,
              keepaliveTimeoutMs: 20_000,
              isTls: false,
            },
            {
              clock: this.clock,
              owner,
              headers: new RequestHeaders({
                isTls: false,
                authority,
                userAgent: "test",
                protoVersions: "v1",
              }),
              dial: () => connectSocket(endpoint.kind === "tcp" ? endpoint : { path: "" }),
              tooManyPings: () => undefined,
            },
          ),
      },
    );
  }

  /** Sends a call. @returns how it ends */
  call(): Promise<unknown> {
    const exchange = someCall();
    this.channel.send(exchange);
    return outcome(exchange);
  }

  [Symbol.dispose](): void {
    this.channel.close();
  }

  private async lookUp(): Promise<readonly Address[]> {
    this.lookups += 1;
    if (this.addresses instanceof Error) throw this.addresses;
    return this.addresses;
  }
}

function addressOf(port: number): Address {
  const endpoint = { kind: "tcp", host: "127.0.0.1", port } as const;
  return { endpoint, authority: `127.0.0.1:${port}`, serverName: "127.0.0.1" };
}

/** A port where nothing listens. */
async function deadPort(wire: Wire): Promise<number> {
  const peer = await wire.peer(answer);
  peer.stop();
  return peer.port;
}

async function bothReady(rig: Rig, ...peers: readonly RawPeer[]): Promise<void> {
  await rig.call();
  await until(() => rig.channel.openConnections === peers.length);
}

test("A channel connects with the first call, not before", async () => {
  using wire = new Wire();
  const peer = await wire.peer(answer);
  using rig = new Rig(peer.port);
  expect([rig.channel.state, rig.lookups]).toEqual(["idle", 0]);

  expect(await rig.call()).toBe("0801");

  expect([rig.channel.state, rig.lookups]).toEqual(["ready", 1]);
});

test("Calls go in turn over all addresses that are ready", async () => {
  using wire = new Wire();
  const [first, second] = [await wire.peer(answer), await wire.peer(answer)];
  using rig = new Rig(first.port, second.port);
  await bothReady(rig, first, second);
  const before = [first.requests, second.requests];

  for (let count = 0; count < 10; count++) await rig.call();

  expect([first.requests, second.requests]).toEqual(before.map((requests) => requests + 5));
});

test("An address that cannot be reached is skipped", async () => {
  using wire = new Wire();
  const peer = await wire.peer(answer);
  using rig = new Rig(await deadPort(wire), peer.port);

  for (let count = 0; count < 4; count++) expect(await rig.call()).toBe("0801");

  expect(rig.channel.state).toBe("ready");
});

test("Losing one of two addresses leaves no call without an answer", async () => {
  using wire = new Wire();
  const [first, second] = [await wire.peer(answer), await wire.peer(answer)];
  using rig = new Rig(first.port, second.port);
  await bothReady(rig, first, second);

  first.stop();
  await until(() => rig.channel.openConnections === 1);

  for (let count = 0; count < 4; count++) expect(await rig.call()).toBe("0801");
});

test("Calls fail at once as unavailable when no address can be reached", async () => {
  using wire = new Wire();
  using rig = new Rig(await deadPort(wire), await deadPort(wire));

  expect((await rig.call()) as unknown[]).toMatchObject({ 0: 14 });
  expect(rig.channel.state).toBe("transient_failure");
  expect((await rig.call()) as unknown[]).toMatchObject({ 0: 14 });
});

test("Reconnects come after 1 s, then 1.6 times longer each time; the channel stays failed", async () => {
  using wire = new Wire();
  const peer = await wire.peer(() => undefined, { settings: null, cutsAtOnce: true });
  using rig = new Rig(peer.port);
  await rig.call();
  const failures = () => rig.log.messages("debug").length;

  for (const delayMs of [1000, 1600, 2560]) {
    const before = failures();
    rig.clock.advance(delayMs - 1);
    expect(rig.channel.state).toBe("transient_failure");
    rig.clock.advance(1);
    await until(() => failures() === before + 1);
  }

  expect(peer.connections.length).toBe(4);
});

test("A reset of the backoff reconnects at once and the call waits for it", async () => {
  using wire = new Wire();
  let isUp = false;
  const peer = await wire.peer(answer, {
    get cutsAtOnce() {
      return !isUp;
    },
  });
  using rig = new Rig(peer.port);
  await rig.call();

  isUp = true;
  rig.channel.resetBackoff();

  expect(await rig.call()).toBe("0801");
  expect(rig.channel.state).toBe("ready");
});

test("A call refused unprocessed is sent again, once, without its caller noticing (rpc#43)", async () => {
  using wire = new Wire();
  const peer = await wire.peer((connection, id, number) => {
    if (number === 1) connection.reset(id, 7);
    else connection.reply(id, SUCCESS);
  });
  using rig = new Rig(peer.port);

  expect(await rig.call()).toBe("0801");
  expect(peer.requests).toBe(2);
});

test("A call that a GOAWAY leaves out is sent again on a new connection (rpc#43)", async () => {
  using wire = new Wire();
  const peer = await wire.peer((connection, id, number) => {
    if (number === 2) connection.goAway(id - 2);
    else connection.reply(id, SUCCESS);
  });
  using rig = new Rig(peer.port);
  await rig.call();
  rig.clock.advance(100);

  expect(await rig.call()).toBe("0801");
  expect(peer.connections.length).toBe(2);
});

test("A GOAWAY during a call lets it finish, the next call uses a new connection (rpc#31)", async () => {
  using wire = new Wire();
  let finish: () => void = () => undefined;
  const peer = await wire.peer((connection, id, number) => {
    if (number === 1) {
      connection.goAway(id);
      finish = () => connection.reply(id, SUCCESS);
    } else connection.reply(id, SUCCESS);
  });
  using rig = new Rig(peer.port);
  rig.clock.advance(100);
  const first = rig.call();
  await until(() => peer.requests === 1);
  await until(() => rig.log.messages("debug").includes("disconnected"));
  rig.clock.advance(100);

  expect(await rig.call()).toBe("0801");
  finish();

  expect(await first).toBe("0801");
  expect(peer.connections.length).toBe(2);
});

test("A peer that cuts every connection is asked ten times a second at most", async () => {
  using wire = new Wire();
  const peer = await wire.peer((connection) => connection.cut());
  using rig = new Rig(peer.port);
  await rig.call();

  await Bun.sleep(20);
  expect(peer.connections.length).toBe(1);
  rig.clock.advance(100);
  await until(() => peer.connections.length === 2);

  expect(rig.channel.state).not.toBe("transient_failure");
});

test("A lost connection asks for the addresses again, but not within 30 s of the last answer", async () => {
  using wire = new Wire();
  const peer = await wire.peer(answer);
  using rig = new Rig(peer.port);
  await rig.call();

  peer.connections[0]?.cut();
  await until(() => rig.channel.openConnections === 0);
  expect(rig.lookups).toBe(1);
  rig.clock.advance(30_000);

  await until(() => rig.lookups === 2);
});

test("An address that has vanished takes no new calls and lets the running ones finish", async () => {
  using wire = new Wire();
  let isSlow = false;
  let finish: () => void = () => undefined;
  const old = await wire.peer((connection, id) => {
    finish = () => connection.reply(id, SUCCESS);
    if (!isSlow) finish();
  });
  const [lossy, fresh] = [await wire.peer(answer), await wire.peer(answer)];
  using rig = new Rig(old.port, lossy.port);
  await bothReady(rig, old, lossy);
  isSlow = true;
  const before = old.requests;
  const calls = [rig.call(), rig.call()];
  await until(() => old.requests === before + 1);

  rig.addresses = [addressOf(fresh.port)];
  lossy.connections[0]?.cut();
  await until(() => rig.channel.openConnections === 1);
  rig.clock.advance(30_000);
  await until(() => fresh.connections.length === 1);
  expect(await rig.call()).toBe("0801");
  finish();

  expect(await Promise.all(calls)).toEqual(["0801", "0801"]);
  expect([old.requests, fresh.requests]).toEqual([before + 1, 1]);
  await until(() => old.connections[0]?.isClosed === true);
});

test("A failed lookup makes calls unavailable with its reason and is repeated after 1 s", async () => {
  using wire = new Wire();
  const peer = await wire.peer(answer);
  using rig = new Rig();
  rig.addresses = new Error("no such host");

  expect(await rig.call()).toEqual([14, "name resolver error: no such host"]);
  expect(rig.channel.state).toBe("transient_failure");
  rig.addresses = [addressOf(peer.port)];
  rig.clock.advance(1000);
  await until(() => rig.channel.state === "ready");

  expect(await rig.call()).toBe("0801");
});

test("After half an hour without calls all connections close, the next call opens one", async () => {
  using wire = new Wire();
  const peer = await wire.peer(answer);
  using rig = new Rig(peer.port);
  await rig.call();
  await rig.clock.advanceAsync(IDLE_MS - 60_000);
  await rig.call();

  await rig.clock.advanceAsync(IDLE_MS - 1);
  expect(rig.channel.state).not.toBe("idle");
  await rig.clock.advanceAsync(1);

  expect(rig.channel.state).toBe("idle");
  expect(rig.channel.openConnections).toBe(0);
  expect(await rig.call()).toBe("0801");
});

test("A closed channel fails the calls that run and every later one, and leaves no timer", async () => {
  using wire = new Wire();
  const peer = await wire.peer(() => undefined);
  using rig = new Rig(peer.port);
  const running = rig.call();
  await until(() => peer.requests === 1);

  rig.channel.close();

  const failure = [14, "grpc connection is closed"];
  expect(await running).toEqual(failure);
  expect(await rig.call()).toEqual(failure);
  expect(rig.channel.state).toBe("shutdown");
  expect(rig.clock.pending).toBe(0);
});
