import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { runBinary } from "../../support/binary.ts";
import { Cableway, loopbackAddress } from "../../support/cableway.ts";
import { expectSilence, linesWith, welcomed } from "../../support/welcomed.ts";
import { pubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const PUBLIC = ["--public", "--norpc"];

test.concurrent("observability#31 Long values are cut to 100 bytes and say how much is missing", async () => {
  await using server = await Cableway.start([...PUBLIC, "--debug"]);
  using client = await welcomed(server);
  const identifier = await client.subscribe(pubsub("a"));

  client.send({ command: "whisper", identifier, data: "y".repeat(300) });
  client.sendFrame("m".repeat(300));
  client.sendFrame(`{"command":"foo","identifier":"${"z".repeat(300)}"}`);
  await server.publish("a", "v".repeat(300));
  await server.fetch("/_broadcast", { method: "POST", body: "p".repeat(300) });

  for (const [message, begin] of [
    ["DBG incoming message", "data.data=yyy"],
    ["DBG WebSocket read failed", "data=mmm"],
    ["WRN failed to handle incoming message", 'data="{\\"command\\":\\"foo\\"'],
    ["DBG handle broadcast message", "payload.data=vvv"],
    ["WRN failed to parse pubsub message", "data=ppp"],
  ] as const) {
    await server.logged(message);
    const [line = ""] = linesWith(server, message, begin);
    expect([message, line]).toEqual([message, expect.stringMatching(/[a-z]{67,}\.\.\.\(2\d\d\)/)]);
  }
  const long = server.log.split("\n").filter((line) => /([a-z])\1{100}/.test(line));
  expect(long).toEqual([]);
  expect(linesWith(server, `data.data=${"y".repeat(100)}...(200)`)).toHaveLength(1);
});

test.concurrent("observability#32 A level hides what is below it; one that is unknown ends the start", async () => {
  await using server = await Cableway.start([...PUBLIC, "--log_level=warn"]);
  using client = await welcomed(server);

  client.sendFrame('{"command":"foo"}');

  await server.logged("WRN failed to handle incoming message");
  expect(server.log).toContain("WRN Server is running in the public mode");
  expect(server.log).not.toMatch(/ (INF|DBG) /);
  const run = await runBinary(["--log_level=foo", `--host=${loopbackAddress()}`]);
  expect(run.exitCode).toBe(1);
  expect(run.stdout).toEndWith(
    "unknown log level: foo.\nAvailable levels are: debug, info, warn, error\n",
  );
});

test.concurrent("observability#33 A log that is no terminal has no colours; values with blanks are quoted, on stdout only", async () => {
  await using server = await Cableway.start([...PUBLIC, "--debug", "--node_id=n-1"]);
  using client = await welcomed(server);
  const values = [
    ["a b", '"a b"'],
    ["a=b", '"a=b"'],
    ['a"b', '"a\\"b"'],
    ["a\tb", '"a\\tb"'],
    ["a\nb", '"a\\nb"'],
    ["a\u00a0b", '"a\\u00a0b"'],
    ["a\u2028b", '"a\\u2028b"'],
    ["a\u001b[31mb", '"a\\x1b[31mb"'],
    ["a\\b", "a\\b"],
    ["кот", "кот"],
    ["[x]{y}'%,", "[x]{y}'%,"],
  ] as const;

  for (const [name] of values) await client.subscribe(pubsub(name));

  const logged = linesWith(server, "DBG subscribed ", "component=hub").map(
    (line) => line.split(" stream=")[1],
  );
  expect(logged).toEqual(values.map(([, quoted]) => quoted));
  expect(server.log).not.toContain("\u001b[");
});

test.concurrent("Clients and messages leave no line at level info", async () => {
  await using server = await Cableway.start(PUBLIC);
  const before = server.log;
  const client = await welcomed(server);
  await client.subscribe(pubsub("a"));
  await server.publish("a", 1);
  await client.next();
  await expectSilence(client);
  client.drop();
  using _next = await welcomed(server);

  expect(server.log).toBe(before);
});

test.concurrent("observability#34 Nothing is sent to anybody about the use of the server", async () => {
  const requests: string[] = [];
  const listener = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      requests.push(request.url);
      return new Response();
    },
  });
  const url = `http://127.0.0.1:${listener.port}`;
  await using silent = await Cableway.start(["--norpc", "--debug"]);
  await using urged = await Cableway.start(["--norpc", "--debug"], {
    env: { ANYCABLE_TELEMETRY_URL: url, ANYCABLE_TELEMETRY_DEBUG: "1" },
  });

  await Bun.sleep(1000); // nothing tells that nothing is going to come
  expect(requests).toEqual([]);
  for (const server of [silent, urged]) {
    expect(outgoing(server)).toEqual([]);
    expect(server.log.toLowerCase()).not.toContain("telemetry");
  }
  await listener.stop(true);
});

/** Addresses that the server has connected to, as the kernel tells them. */
function outgoing({ port, process: { pid } }: Cableway): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  const links = readdirSync(folder).map((fd) => readlinkSync(`${folder}/${fd}`));
  const inodes = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]));
  const tables = ["tcp", "tcp6", "udp", "udp6"].map((name) => readTable(`/proc/net/${name}`));
  const ours = tables.flat().filter(({ inode }) => inodes.has(inode));
  return ours
    .filter(({ localPort, remote }) => localPort !== port && !remote.endsWith(":0000"))
    .map(({ remote }) => remote);
}

function readTable(path: string) {
  const lines = readFileSync(path, "utf8").trim().split("\n").slice(1);
  return lines.map((line) => {
    const [, local = "", remote = "", , , , , , , inode = ""] = line.trim().split(/\s+/);
    return { localPort: Number.parseInt(local.split(":")[1] ?? "", 16), remote, inode };
  });
}
