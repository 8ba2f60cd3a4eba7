import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VERSION } from "../../../src/config/version.ts";
import { Cableway, freePort, loopbackAddress } from "../../support/cableway.ts";
import { welcomed } from "../../support/welcomed.ts";
import { pubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const BARE = { isBare: true };
const HTTP = "--broadcast_adapter=http";

/** The lines without time. */
function untimed(log: string): readonly string[] {
  const lines = log.split("\n").filter((line) => line !== "");
  return lines.map((line) => line.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} /, ""));
}

test.concurrent("config#32 The start line names version, process and limits", async () => {
  await using server = await Cableway.start(["--norpc"]);

  expect(server.log).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INF Starting AnyCable \S+ \(pid: \d+, open file limit: \d+, gomaxprocs: \d+.*\) nodeid=[\w-]{6}$/m,
  );
  expect(server.log).toContain(`AnyCable ${VERSION} (pid: ${server.process.pid}, `);
});

test.concurrent("config#33 A node id that is given is on every line; others are new at every start", async () => {
  await using named = await Cableway.start(["--public", "--norpc", "--debug"], {
    env: { ANYCABLE_NODE_ID: "node-1" },
  });
  await using first = await Cableway.start(["--norpc"], { env: { ANYCABLE_NODE_ID: "" } });
  await using second = await Cableway.start(["--norpc"]);

  using client = await welcomed(named);
  await client.subscribe(pubsub("a"));
  await named.publish("a", 1);
  await client.next();
  named.signal();
  await named.exited();
  const lines = untimed(named.log);
  expect(lines.length).toBeGreaterThan(15);
  expect(lines.filter((line) => !line.includes(" nodeid=node-1"))).toEqual([]);

  const ids = [first, second].map(({ log }) => /nodeid=([\w-]{6})$/m.exec(log)?.[1] ?? "");
  expect(new Set([...ids, ""]).size).toBe(3);
});

test.concurrent("config#28 With --log_format=json every line is an object that begins with time, level, message, node", async () => {
  const options = ["--public", "--norpc", "--log_format=json", "--debug"];
  await using server = await Cableway.start(options);
  using client = await welcomed(server);
  client.sendFrame('{"command":"foo"}');
  await server.logged("unknown command: foo");
  server.signal();
  await server.exited();

  const lines = server.log.split("\n").filter((line) => line !== "");

  expect(lines.length).toBeGreaterThan(10);
  for (const line of lines) {
    const record = JSON.parse(line) as Readonly<Record<string, unknown>>; // its keys are checked
    expect(Object.keys(record).slice(0, 4)).toEqual(["time", "level", "msg", "nodeid"]);
    expect(record["time"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/);
    expect(["DEBUG", "INFO", "WARN", "ERROR"]).toContain(record["level"] as string);
  }
});

test.concurrent("The start is told in the documented order and words, whatever is switched on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cableway-config-"));
  const file = join(folder, "my.toml");
  writeFileSync(file, "[rpc]\nconcurrency = 5\n");
  const host = loopbackAddress();
  const port = await freePort(host);
  const at = `http://${host}:${port}`;
  const options = [
    `--config-path=${file} --public --jwt_secret=j --enforce_jwt --turbo_streams --streams_secret=s`,
    "--broker=memory --history_limit=7 --history_ttl=8 --sessions_ttl=9 --presence_ttl=10",
    "--path=/cable,/second --metrics_http=/metrics --metrics_log --metrics_log_filter=a,b",
    "--rpc_host=127.0.0.1:9 --headers=Cookie,X-A --proxy-cookies=x,y --http_broadcast_cors",
    `--node_id=n-1 ${HTTP}`,
  ].flatMap((part) => part.split(" "));

  await using server = await Cableway.start(options, { ...BARE, host, port });
  await server.logged("Serve metrics");
  rmSync(folder, { recursive: true });

  const ofMemory =
    "history limit: 7, history ttl: 8s, sessions ttl: 9s, presence ttl: 10s) nodeid=n-1";
  const expected = [
    /^INF Starting AnyCable .* nodeid=n-1$/,
    `INF Using configuration from file: ${file} nodeid=n-1`,
    "WRN Server is running in the public mode nodeid=n-1",
    "INF JWT authentication is enabled (param: jid, enforced: true) nodeid=n-1",
    "INF connection authentication is disabled nodeid=n-1",
    "INF Using channels router: $pubsub, Turbo::StreamsChannel nodeid=n-1",
    new RegExp(`^INF Using in-memory broker \\(epoch: [\\w-]{4}, ${literal(ofMemory)}$`),
    `INF Accept broadcast requests at http://${host}:8090/_broadcast (no authorization, CORS enabled) nodeid=n-1 context=broadcast provider=http`,
    "INF RPC controller initialized: 127.0.0.1:9 (concurrency: 5, impl: grpc, enable_tls: false, proto_versions: v1, proxy_headers: cookie,x-a, proxy_cookies: x,y) nodeid=n-1 context=rpc",
    `INF Handle WebSocket connections at ${at}/cable nodeid=n-1`,
    `INF Handle WebSocket connections at ${at}/second nodeid=n-1`,
    `INF Handle health requests at ${at}/health nodeid=n-1`,
    "INF API server is running without authentication nodeid=n-1 context=api",
    `INF Handle API requests at ${at}/api (no authorization) nodeid=n-1 context=api`,
    `INF Serve metrics at ${at}/metrics nodeid=n-1 context=metrics`,
    "INF log metrics nodeid=n-1 interval=15 fields=a,b",
  ];
  const lines = untimed(server.log);
  expect(lines).toHaveLength(expected.length);
  for (const [at, line] of lines.entries()) {
    const wanted = expected[at] ?? "";
    if (typeof wanted === "string") expect(line).toBe(wanted);
    else expect(line).toMatch(wanted);
  }
});

test.concurrent("A bare start says that there is no application and no broker", async () => {
  await using server = await Cableway.start(["--norpc", HTTP], BARE);

  const lines = untimed(server.log).map((line) => line.replace(/ nodeid=\S+/, ""));
  expect(lines.slice(1)).toEqual([
    "INF Using channels router: $pubsub",
    "INF Using no-op (legacy) broker",
    `INF Accept broadcast requests at http://${server.host}:8090/_broadcast (no authorization) context=broadcast provider=http`,
    "INF no RPC configured context=rpc impl=null",
    `INF Handle WebSocket connections at ${server.url}/cable`,
    `INF Handle health requests at ${server.url}/health`,
  ]);
});

test.concurrent("The broker preset chooses memory and HTTP and is the first line; an unknown one changes nothing", async () => {
  await using broker = await Cableway.start(["--presets=broker", "--norpc"], BARE);
  await using none = await Cableway.start(["--presets=none", "--norpc", HTTP], {
    ...BARE,
    env: { FLY_APP_NAME: "app", FLY_REGION: "ord", FLY_ALLOC_ID: "1" },
  });

  expect(untimed(broker.log)[0]).toMatch(
    /^INF load presets nodeid=\S+ context=config presets=broker$/,
  );
  await broker.logged("Using in-memory broker (epoch: ");
  await broker.logged("Accept broadcast requests at ");
  expect(broker.log).not.toMatch(/[Rr]edis|NATS/);

  await none.logged(`Handle WebSocket connections at ${none.url}/cable`);
  expect(none.log).not.toMatch(/NATS|0\.0\.0\.0/);
});

test.concurrent("Errors are text on stdout; nothing goes to stderr while the server runs", async () => {
  await using server = await Cableway.start(["--public", "--norpc", "--log_level=error"]);
  using client = await welcomed(server);
  client.sendFrame("not json");
  await server.publish("a", 1);
  server.signal();
  await server.exited();

  expect(server.log).toBe("");
});

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
