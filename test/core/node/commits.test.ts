import { expect, test } from "bun:test";
import { NodeRoom, settled } from "../../support/node-room.ts";

const EXTENDED = { isExtended: true, sid: "s1" } as const;

/** A room that counts commits. */
function countingRoom(): { room: NodeRoom; commits: number[] } {
  const room = new NodeRoom();
  const commits: number[] = [];
  const commit = room.sessionStore.commit.bind(room.sessionStore);
  room.sessionStore.commit = (sid, snapshot) => {
    commits.push(snapshot.subscriptions.length);
    return commit(sid, snapshot);
  };
  return { room, commits };
}

const subscribe = (number: number) =>
  JSON.stringify({ command: "subscribe", identifier: `i${number}` });

/** Keeps commits of a session on their way until the promise is resolved. */
function holdCommits({ sessionStore }: NodeRoom, held: string): PromiseWithResolvers<void> {
  const written = Promise.withResolvers<void>();
  const commit = sessionStore.commit.bind(sessionStore);
  sessionStore.commit = async (sid, snapshot) => {
    if (sid === held) await written.promise;
    return await commit(sid, snapshot);
  };
  return written;
}

test("Node commits a session once for all changes of one turn of the event loop", async () => {
  const { room, commits } = countingRoom();
  const client = await room.connect(EXTENDED);

  for (let i = 0; i < 90; i++) client.receiver.receive(subscribe(i));
  await settled();

  expect(commits).toEqual([0, 90]);
});

test("Node commits a large session once for all changes of some milliseconds", async () => {
  // A copy of the whole session for each of its subscriptions took all the time of the process.
  const { room, commits } = countingRoom();
  const client = await room.connect(EXTENDED);
  for (let i = 0; i < 2000; i++) client.receiver.receive(subscribe(i));
  await settled();
  commits.length = 0;

  for (let i = 2000; i < 2010; i++) {
    client.receiver.receive(subscribe(i));
    await settled();
  }
  expect(commits).toEqual([]);
  await room.clock.advanceAsync(1000);

  expect(commits).toEqual([2010]);
});

test("Node commits a large session when it ends, and when its client is back before that", async () => {
  const { room } = countingRoom();
  const client = await room.connect(EXTENDED);
  for (let i = 0; i < 2000; i++) client.receiver.receive(subscribe(i));
  await settled();
  client.receiver.receive(subscribe(2000));
  await settled();

  const back = await room.connect({ ...EXTENDED, sid: "s2", restoreSid: "s1" });
  expect(back.received).toMatchObject([{ restored_ids: { length: 2001 } }]);
  client.receiver.receive(subscribe(2001));
  await client.leave();

  expect((await room.sessionStore.restore("s1"))?.subscriptions).toHaveLength(2002);
});

test("Node waits with a session's return for the commit that is on its way", async () => {
  const { room } = countingRoom();
  const client = await room.connect(EXTENDED);
  const written = holdCommits(room, "s1");
  client.receiver.receive(subscribe(1));
  await settled();
  await client.leave();

  const back = await room.connect({ ...EXTENDED, sid: "s2", restoreSid: "s1" });
  expect(back.received).toEqual([]);
  written.resolve();
  await settled();

  expect(back.received).toMatchObject([{ type: "welcome", restored_ids: ["i1"] }]);
});

test("Node commits every session before a shutdown is over", async () => {
  const { room } = countingRoom();
  const client = await room.connect(EXTENDED);
  const written = holdCommits(room, "s1");
  client.receiver.receive(subscribe(1));
  await settled();

  let isDown = false;
  const time = { signal: new AbortController().signal, leftMs: 30_000 };
  const stopped = room.node.shutDown(time).then(() => {
    isDown = true;
  });
  await room.clock.advanceAsync(1000);
  expect(isDown).toBe(false);
  written.resolve();
  await stopped;

  expect((await room.sessionStore.restore("s1"))?.subscriptions).toEqual([["i1", []]]);
});

test("Node writes nothing of a session that a remote disconnect forgets, whatever has just changed", async () => {
  const { room } = countingRoom();
  const client = await room.connect(EXTENDED);
  for (let i = 0; i < 2000; i++) client.receiver.receive(subscribe(i));
  await settled();
  client.receiver.receive(subscribe(2000));
  await settled();

  await room.disconnect("user:s1", false);
  await room.clock.advanceAsync(2000);

  expect(await room.sessionStore.restore("s1")).toBeNull();
});
