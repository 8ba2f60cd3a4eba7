import { expect, setDefaultTimeout, test } from "bun:test";
import { Application, IDENTIFIED } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { rejection } from "../../support/rejection.ts";
import { OPCODES } from "../../support/web-socket-frames.ts";
import { EXT, NO_PONG, PONG, pubsub } from "../../support/wire.ts";

setDefaultTimeout(30_000);

const CLOSED_NO_PONG = { code: 1000, reason: "No Pong" };

/** Sends a command after every ping, for a number of pings. */
async function answerPings(client: RawClient, command: unknown, pings: number): Promise<void> {
  for (let seen = 0; seen < pings; seen += 1) {
    await client.nextPing();
    client.send(command);
  }
}

test.concurrent("protocol#16 A client chooses how often and how precisely it is pinged", async () => {
  await using server = await Cableway.start(["--public", "--ping_interval=60"]);
  using client = await server.connect({ path: "/cable?pi=1&ptp=ns" });
  const start = performance.now();

  const first = await client.nextPing(2500);
  const second = await client.nextPing(2500);

  expect(performance.now() - start).toBeLessThan(4000);
  expect(first).toMatch(/^\{"type":"ping","message":\d{19}\}$/);
  const times = [first, second].map((text) => BigInt(text.replaceAll(/\D/g, "")));
  const apart = Number((times[1] ?? 0n) - (times[0] ?? 0n)) / 1e9;
  expect(apart).toBeGreaterThan(0.8);
  expect(apart).toBeLessThan(2);
});

test.concurrent("protocol#16 Seconds are the precision for anything unknown, milliseconds on demand", async () => {
  await using server = await Cableway.start(["--public"]);
  const digits = [
    ["s", 10],
    ["ms", 13],
    ["x", 10],
    ["", 10],
  ] as const;

  const pings = digits.map(async ([precision, count]) => {
    using client = await server.connect({ path: `/cable?pi=1&ptp=${precision}` });
    const text = await client.nextPing();
    expect([precision, /\d+/.exec(text)?.[0].length]).toEqual([precision, count]);
  });

  await Promise.all(pings);
});

test.concurrent("protocol#16 Interval 0 means no pings; one that is no number is named in a warning and replaced", async () => {
  await using server = await Cableway.start(["--public", "--ping_interval=1"]);
  using silent = await server.connect({ path: "/cable?pi=0" });
  using mistaken = await server.connect({ path: "/cable?pi=x" });

  await server.logged(/WRN invalid ping interval value, must be integer.* sid=\S+ val=x/);
  await mistaken.nextPing(2500);

  expect(await rejection(silent.nextPing(10_000))).toContain("no message in time");
  expect(silent.isOpen).toBe(true);
});

test.concurrent("protocol#17 A silent client of the extended protocol is cut; a base one and one without pings are not", async () => {
  await using server = await Cableway.start(["--public", "--pong_timeout=1"]);
  using base = await server.connect({ path: "/cable?pi=1" });
  using pingless = await server.connect({ path: "/cable?pi=0", subprotocol: EXT });
  using silent = await server.connect({ path: "/cable?pi=1", subprotocol: EXT });
  await Promise.all([base.next(), pingless.next(), silent.next()]);

  expect(await silent.nextText(6000)).toBe(NO_PONG);
  expect(await silent.closed()).toEqual(CLOSED_NO_PONG);

  await server.logged(/WRN .*disconnecting session due to no pongs/);
  expect(await base.within(2000)).toEqual([]);
  await Promise.all([base.subscribe(pubsub("a")), pingless.subscribe(pubsub("a"))]);
});

test.concurrent("protocol#17 Any command keeps a client of the extended protocol, not only a pong", async () => {
  await using server = await Cableway.start(["--public", "--pong_timeout=1"]);
  const commands = [
    { command: "pong" },
    { command: "whisper", identifier: "x", data: 1 },
    { command: "nope" },
  ];

  const lives = commands.map(async (command) => {
    using client = await server.connect({ path: "/cable?pi=1", subprotocol: EXT });
    await client.next();
    await answerPings(client, command, 3);
    expect([command, client.isOpen, await client.within(300)]).toEqual([command, true, []]);
  });

  await Promise.all(lives);
});

test.concurrent("Q5 A native pong clears the deadline, also when the timeout is shorter than the interval", async () => {
  await using server = await Cableway.start([
    "--public",
    "--pong_timeout=1",
    "--enable_native_pings",
    "--ping_interval=2",
  ]);
  using client = await server.connect();
  await client.next();

  for (let seen = 0; seen < 3; ) {
    const frame = await client.nextFrame();
    if (frame.opcode !== OPCODES.ping) continue;
    expect(frame.payload.length).toBe(0);
    client.sendFrame(frame.payload, { opcode: OPCODES.pong });
    seen += 1;
  }

  await client.subscribe(pubsub("a"));
});

test.concurrent("Q5 With native pings a client that answers none is cut, of the base protocol too", async () => {
  await using server = await Cableway.start([
    "--public",
    "--pong_timeout=1",
    "--enable_native_pings",
    "--ping_interval=1",
  ]);
  using client = await server.connect();
  await client.next();

  expect(await client.nextText(6000)).toBe(NO_PONG);
  expect(await client.closed()).toEqual(CLOSED_NO_PONG);
});

test.concurrent("protocol#42 Q19 A Connect slower than ping and pong timeout neither ends the session nor its keepalive", async () => {
  const connect = () => Bun.sleep(2900).then(() => IDENTIFIED);
  await using application = await Application.start({ connect });
  await using server = await Cableway.start([
    application.option,
    "--pong_timeout=1",
    "--rpc_command_timeout=8000",
    "--rpc_request_timeout=8000",
  ]);

  using client = await server.connect({ path: "/cable?pi=1", subprotocol: EXT });
  await client.nextPing(2000);

  expect(await client.nextText()).toBe('{"type":"welcome"}');
  await client.nextPing(3000);
  expect(await client.nextText()).toBe(NO_PONG);
  expect(await client.closed()).toEqual(CLOSED_NO_PONG);
});

test.concurrent("A client's ping frame is answered with its payload but is no sign of life", async () => {
  await using server = await Cableway.start(["--public", "--pong_timeout=1"]);
  using client = await server.connect({ path: "/cable?pi=1", subprotocol: EXT });
  await client.next();
  const spam = setInterval(() => client.sendFrame("abc", { opcode: OPCODES.ping }), 100);

  try {
    const answer = await client.nextFrame();
    expect([answer.opcode, answer.payload.toString()]).toEqual([OPCODES.pong, "abc"]);
    expect(await client.nextText(6000)).toBe(NO_PONG);
  } finally {
    clearInterval(spam);
  }
});

test.concurrent("The command ping is answered and pong is not", async () => {
  await using server = await Cableway.start(["--public"]);
  using client = await server.connect();
  await client.next();

  client.send({ command: "pong" });
  client.send({ command: "ping" });

  expect(await client.within(300)).toEqual([PONG]);
});
