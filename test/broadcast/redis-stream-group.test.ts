import { expect, test } from "bun:test";
import { type GroupConnection, StreamGroup } from "../../src/broadcast/redis-stream-group.ts";
import { ServerError } from "../../src/messages/server-error.ts";
import { FakeLog } from "../support/fake-log.ts";

const NAMES = { stream: "st", group: "bx", consumer: "me", blockMs: 2000 };
const HOUR_MS = 3_600_000;

/** Connections that write down commands; `answers` are by the words a command begins with, errors are thrown. */
function createGroup(answers: Record<string, unknown>) {
  const sent: string[] = [];
  const connection: GroupConnection = {
    call: async (...command) => {
      const text = command.join(" ");
      sent.push(text);
      const known = Object.keys(answers).find((words) => text.startsWith(words));
      const answer = known === undefined ? null : answers[known];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const log = new FakeLog();
  return {
    group: new StreamGroup(NAMES, { reader: connection, writer: connection, log }),
    sent,
    log,
  };
}

function reply(text: string): ServerError {
  return new ServerError("redis_reply", text, { details: { reply: text.split(" ")[0] } });
}

test("StreamGroup makes the group at the end of the stream, and takes one that is there", async () => {
  const fresh = createGroup({});
  const known = createGroup({
    "xgroup create": reply("BUSYGROUP Consumer Group name already exists"),
  });

  await Promise.all([fresh.group.create(), known.group.create()]);

  expect(fresh.sent[0]).toBe("xgroup create st bx $ MKSTREAM");
  expect(known.log.messages("debug")).toEqual(["consumer group exists"]);
});

test("StreamGroup buries names that were silent for an hour with nothing pending, and no others", async () => {
  const consumers = [
    ["name", "dead", "pending", 0, "idle", HOUR_MS + 1],
    ["name", "busy", "pending", 1, "idle", HOUR_MS + 1],
    ["name", "quiet", "pending", 0, "idle", HOUR_MS],
  ];
  const { group, sent } = createGroup({ "xinfo consumers": consumers });

  await group.create();

  expect(sent.filter((command) => command.startsWith("xgroup delconsumer"))).toEqual([
    "xgroup delconsumer st bx dead",
  ]);
});

test("StreamGroup names the step that failed, in the words operators look for", async () => {
  const away = new ServerError("redis_unavailable", "gone");
  const { group } = createGroup({ xgroup: away, xreadgroup: away, xautoclaim: away });

  const failures = await Promise.allSettled([group.create(), group.read(), group.claim(null)]);

  expect(failures.map((each) => each.status === "rejected" && each.reason.message)).toEqual([
    "failed to create consumer group",
    "failed to read from Redis stream",
    "failed to claim from Redis stream",
  ]);
});

test("StreamGroup reads past holes and entries of other shapes", async () => {
  const list = [["1-0", ["payload", "a"]], null, ["2-0", ["foo", "bar"]], ["3-0", null], "x"];
  const { group } = createGroup({ xreadgroup: [["st", list]], xautoclaim: ["9-0", list, []] });
  const entries = [
    { id: "1-0", payload: "a" },
    { id: "2-0", payload: null },
    { id: "3-0", payload: null },
  ];

  expect(await group.read()).toEqual(entries);
  expect(await group.claim(null)).toEqual({ entries, cursor: "9-0" });
  expect(await createGroup({ xautoclaim: ["0-0", []] }).group.claim("5-0")).toEqual({
    entries: [],
    cursor: null,
  });
});

test("StreamGroup leaves only when nothing is pending with it", async () => {
  const idle = createGroup({ xpending: [] });
  const busy = createGroup({ xpending: [["1-0", "me", 1, 1]] });

  await Promise.all([idle.group.leave(), busy.group.leave()]);

  expect(idle.sent).toEqual(["xpending st bx - + 1 me", "xgroup delconsumer st bx me"]);
  expect(busy.sent).toEqual(["xpending st bx - + 1 me"]);
});
