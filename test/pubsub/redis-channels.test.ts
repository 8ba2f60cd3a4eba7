import { expect, test } from "bun:test";
import { ServerError } from "../../src/messages/server-error.ts";
import { type ChannelConnection, RedisChannels } from "../../src/pubsub/redis-channels.ts";
import { FakeLog } from "../support/fake-log.ts";

/** A server that answers when it is told to; `refused` are channels it does not allow. */
class FakeConnection implements ChannelConnection {
  readonly sent: string[] = [];
  readonly sizes: number[] = [];
  refused = new Set<string>();
  breaks = false;
  #held: (() => void)[] | null = null;

  hold(): void {
    this.#held = [];
  }

  async answer(): Promise<void> {
    for (const reply of this.#held?.splice(0) ?? []) reply();
    this.#held = null;
    await turn();
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    this.sent.push(`+${channels.join()}`);
    this.sizes.push(channels.length);
    await this.#reply();
    if (this.breaks) throw new ServerError("redis_unavailable", "gone");
    if (channels.some((channel) => this.refused.has(channel))) {
      throw new ServerError("redis_reply", "NOPERM no", { details: { reply: "NOPERM" } });
    }
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    this.sent.push(`-${channels.join()}`);
    await this.#reply();
  }

  #reply(): Promise<void> {
    const held = this.#held;
    return held === null ? Promise.resolve() : new Promise((resolve) => held.push(resolve));
  }
}

/** Everything due in this turn of the event loop and the next has run. */
async function turn(): Promise<void> {
  for (let count = 0; count < 3; count += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function attached() {
  const log = new FakeLog();
  const channels = new RedisChannels("cmd", { log });
  const connection = new FakeConnection();
  await channels.attach(connection);
  connection.sent.length = 0;
  connection.sizes.length = 0;
  return { channels, connection, log };
}

test("RedisChannels counts: the first subscribes, the last one leaves", async () => {
  const { channels, connection } = await attached();

  await channels.acquire("a");
  await channels.acquire("a");
  await channels.release("a");
  await channels.release("a");

  expect(connection.sent).toEqual(["+a", "-a"]);
  expect(channels.size).toBe(1);
});

test("RedisChannels lets a second caller wait for the pending SUBSCRIBE", async () => {
  const { channels, connection } = await attached();
  const done: string[] = [];
  connection.hold();
  void channels.acquire("a").then(() => done.push("first"));
  await turn();
  void channels.acquire("a").then(() => done.push("second"));
  await turn();
  expect(done).toEqual([]);

  await connection.answer();

  expect(done).toEqual(["first", "second"]);
  expect(connection.sent).toEqual(["+a"]);
});

test("RedisChannels sends nothing for a channel left and taken again in one turn", async () => {
  const { channels, connection } = await attached();
  await channels.acquire("a");

  await Promise.all([channels.release("a"), channels.acquire("a")]);
  await Promise.all([channels.acquire("b"), channels.release("b")]);

  expect(connection.sent).toEqual(["+a"]);
});

test("RedisChannels subscribes behind an UNSUBSCRIBE that is still under way", async () => {
  const { channels, connection } = await attached();
  await channels.acquire("a");
  connection.hold();
  const left = channels.release("a");
  await turn();
  const back = channels.acquire("a");
  await turn();

  await connection.answer();

  await Promise.all([left, back]);
  expect(connection.sent).toEqual(["+a", "-a", "+a"]);
});

test("RedisChannels never leaves the reserved channel, however often it is released", async () => {
  const { channels, connection } = await attached();

  await channels.acquire("cmd");
  await channels.release("cmd");
  await channels.release("cmd");
  await channels.release("unknown");

  expect(connection.sent).toEqual([]);
  expect(channels.size).toBe(1);
});

test("RedisChannels sends at most 256 channels at once, the reserved one first after a loss", async () => {
  const { channels, connection } = await attached();
  const names = Array.from({ length: 600 }, (_, n) => `s${n}`);
  await Promise.all(names.map((name) => channels.acquire(name)));
  expect(connection.sizes).toEqual([256, 256, 88]);

  channels.detach();
  const next = new FakeConnection();
  await channels.attach(next);

  expect(next.sizes).toEqual([256, 256, 89]);
  expect(next.sent[0]).toStartWith("+cmd,s0,s1,");
});

test("RedisChannels forgets what was left while there was no connection, remembers what was taken", async () => {
  const { channels } = await attached();
  await channels.acquire("a");
  await channels.acquire("b");
  channels.detach();
  await channels.release("a");
  const c = channels.acquire("__proto__");

  const next = new FakeConnection();
  await channels.attach(next);

  await c;
  expect(next.sent).toEqual(["+cmd,b,__proto__"]);
});

test("RedisChannels lets callers go on unconfirmed when it runs out of patience, until it is attached again", async () => {
  const channels = new RedisChannels("cmd", { log: new FakeLog() });
  const waiting = channels.acquire("a");

  channels.runOutOfPatience();

  await waiting;
  await channels.acquire("b");
  const next = new FakeConnection();
  next.hold();
  const attaching = channels.attach(next);
  let isConfirmed = false;
  void channels.acquire("b").then(() => {
    isConfirmed = true;
  });
  await turn();
  expect([next.sent, isConfirmed]).toEqual([["+cmd,a,b"], false]);
  await next.answer();
  await attaching;
  expect(isConfirmed).toBe(true);
});

test("RedisChannels lets nobody wait for a channel that was left meanwhile, or whose connection broke", async () => {
  const { channels, connection } = await attached();
  connection.hold();
  const waiting = channels.acquire("a");
  await turn();
  const leaving = channels.release("a");
  await turn();
  channels.detach();
  connection.breaks = true;

  await connection.answer();

  await Promise.all([waiting, leaving]);
  expect(connection.sent).toEqual(["+a", "-a"]);
});

test("RedisChannels tells callers of a refused channel, and only them", async () => {
  const { channels, connection } = await attached();
  connection.refused.add("no");

  const outcomes = await Promise.allSettled(["a", "no", "b", "no"].map((n) => channels.acquire(n)));

  expect(outcomes.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "rejected",
  ]);
  expect(outcomes[1]).toMatchObject({ reason: { code: "subscribe_failed" } });
  expect(connection.sent).toEqual(["+a,no,b", "+a", "+no", "+b"]);
  expect(channels.size).toBe(3);
});

test("RedisChannels keeps the claim on a channel that is refused after a loss, and says so", async () => {
  const { channels, log } = await attached();
  await channels.acquire("a");
  channels.detach();
  const strict = new FakeConnection();
  strict.refused.add("a");
  await channels.attach(strict);
  await turn();
  expect(log.messages("error")).toEqual(["failed to subscribe again"]);

  channels.detach();
  const lenient = new FakeConnection();
  await channels.attach(lenient);

  expect(lenient.sent).toEqual(["+cmd,a"]);
});

test("RedisChannels rejects a connection that refuses the reserved channel", async () => {
  const channels = new RedisChannels("cmd", { log: new FakeLog() });
  const connection = new FakeConnection();
  connection.refused.add("cmd");

  expect(await channels.attach(connection).catch((error: ServerError) => error.code)).toBe(
    "subscribe_failed",
  );
});
