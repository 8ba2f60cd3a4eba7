import { expect, test } from "bun:test";
import { createLog, type LogOptions } from "../../src/log/log.ts";
import type { Log } from "../../src/ports/log.ts";
import { FakeClock } from "../support/fake-clock.ts";

function open(options: Partial<LogOptions> = {}): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const log = createLog(
    { level: "info", format: "text", isTerminal: false, nodeId: "aB3_xZ", ...options },
    { clock: new FakeClock(), write: (line) => void lines.push(line) },
  );
  return { log, lines };
}

function inZone<T>(zone: string, run: () => T): T {
  const before = process.env["TZ"];
  process.env["TZ"] = zone;
  try {
    return run();
  } finally {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  }
}

test("Log writes one text line per record: time, level, message, attributes", () => {
  const { log, lines } = open();

  log.info("no RPC configured", { context: "rpc", impl: "null" });

  expect(lines).toEqual([
    "2024-03-06 14:16:27.872 INF no RPC configured nodeid=aB3_xZ context=rpc impl=null\n",
  ]);
});

test("Log prints the attributes of its ancestors first, outermost in front, equal names twice", () => {
  const { log, lines } = open();
  const session = log.with({ context: "node" }).with({ sid: "x1" });

  session.error("failed to connect to Redis", { provider: "redis", sid: "x2" });

  expect(lines).toEqual([
    "2024-03-06 14:16:27.872 ERR failed to connect to Redis nodeid=aB3_xZ context=node sid=x1 provider=redis sid=x2\n",
  ]);
});

test("Log leaves two blanks around an empty message", () => {
  const { log, lines } = open();

  log.info("", { client_msg_total: 12 });

  expect(lines).toEqual(["2024-03-06 14:16:27.872 INF  nodeid=aB3_xZ client_msg_total=12\n"]);
});

test("Log without a node id prints no nodeid", () => {
  const { log, lines } = open({ nodeId: "" });

  log.warn("circuit breaker is open", { context: "cb" });

  expect(lines).toEqual(["2024-03-06 14:16:27.872 WRN circuit breaker is open context=cb\n"]);
});

test.each([
  ["debug", ["DBG", "INF", "WRN", "ERR"]],
  ["info", ["INF", "WRN", "ERR"]],
  ["warn", ["WRN", "ERR"]],
  ["error", ["ERR"]],
] as const)("Log of level %p prints %p", (level, printed) => {
  const { log, lines } = open({ level });

  log.debug("m");
  log.info("m");
  log.warn("m");
  log.error("m");

  expect(lines.map((line) => line.split(" ")[2])).toEqual([...printed]);
  expect(log.isDebug).toBe(level === "debug");
});

test("Log does not look at the attributes of a record that is not printed", () => {
  const { log, lines } = open();
  const attributes = {
    get frame(): string {
      throw new Error("looked at");
    },
  };

  log.debug("incoming message", attributes);

  expect(lines).toEqual([]);
});

test("Log prints local time without a zone in text, with the zone in JSON", () => {
  const [text, json] = inZone("Asia/Kolkata", () =>
    (["text", "json"] as const).map((format) => {
      const { log, lines } = open({ format });
      log.info("m");
      return lines[0];
    }),
  );

  expect(text).toBe("2024-03-06 19:46:27.872 INF m nodeid=aB3_xZ\n");
  expect(json).toStartWith('{"time":"2024-03-06T19:46:27.872+05:30",');
});

test("Log on a terminal prints faint times and keys, and levels in colour", () => {
  const { log, lines } = open({ level: "debug", isTerminal: true, nodeId: "" });

  log.debug("m");
  log.info("m", { num: 2 });
  log.warn("m");
  log.error("m");

  const time = "\x1b[2m2024-03-06 14:16:27.872\x1b[0m";
  expect(lines).toEqual([
    `${time} DBG m\n`,
    `${time} \x1b[92mINF\x1b[0m m \x1b[2mnum=\x1b[0m2\n`,
    `${time} \x1b[93mWRN\x1b[0m m\n`,
    `${time} \x1b[91mERR\x1b[0m m\n`,
  ]);
});

test("Log as JSON has no colours on a terminal", () => {
  const { log, lines } = open({ format: "json", isTerminal: true });

  log.error("m");

  expect(lines).toEqual([
    '{"time":"2024-03-06T14:16:27.872Z","level":"ERROR","msg":"m","nodeid":"aB3_xZ"}\n',
  ]);
});
