import { expect, setDefaultTimeout, test } from "bun:test";
import { Cableway, freePort, loopbackAddress } from "../../support/cableway.ts";
import { jwt } from "../../support/tokens.ts";
import { expectMetrics, welcomed } from "../../support/welcomed.ts";
import { pubsub } from "../../support/wire.ts";

setDefaultTimeout(20_000);

const COUNTERS = [
  "broadcast_msg_total client_msg_total data_rcvd_total data_sent_total",
  "disconnected_slow_clients_total failed_auths_total failed_broadcast_msg_total",
  "failed_client_msg_total failed_server_msg_total publications_total remote_commands_total",
  "server_msg_total timeout_server_msg_total",
].flatMap((line) => line.split(" "));
const GAUGES = [
  "broadcast_streams_num clients_num clients_uniq_num disconnect_queue_size goroutines_num",
  "mem_sys_bytes",
].flatMap((line) => line.split(" "));
const RPC_COUNTERS = [
  "rpc_call_total rpc_canceled_total rpc_error_total rpc_retries_total rpc_timeout_total",
].flatMap((line) => line.split(" "));
const RPC_GAUGES = ["grpc_active_conn_num", "rpc_pending_num"];
const MEMORY_GAUGES = [
  "heap_alloc_total heap_idle_bytes heap_released_bytes heap_sys_bytes stack_sys_bytes",
].flatMap((line) => line.split(" "));

interface Block {
  readonly name: string;
  readonly type: string;
  readonly labels: string;
  readonly value: number;
}

/** The page, block by block; each is checked for its form. */
async function blocksOf(server: Cableway, path = "/metrics"): Promise<readonly Block[]> {
  const text = await (await server.fetch(path)).text();
  expect(text).toMatch(/^\n# HELP anycable_go_/);
  return text.slice(1, -1).split("\n\n").map(parseBlock);
}

function parseBlock(text: string): Block {
  const form =
    /^# HELP anycable_go_([a-z_]+) \S.*\n# TYPE anycable_go_\1 (counter|gauge)\nanycable_go_\1(\{.*\})? (\d+)$/;
  expect(text).toMatch(form);
  const [, name = "", type = "", labels = "", value] = form.exec(text) ?? [];
  return { name, type, labels, value: Number(value) };
}

function names(blocks: readonly Block[], type: string): readonly string[] {
  return blocks.filter((block) => block.type === type).map(({ name }) => name);
}

test.concurrent("observability#1 observability#2 The page has every counter, then every gauge, in the format of Prometheus", async () => {
  await using server = await Cableway.start([]);

  const response = await server.fetch("/metrics");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");

  const blocks = await blocksOf(server);
  expect(names(blocks, "counter")).toEqual([...COUNTERS, ...RPC_COUNTERS].toSorted());
  expect(names(blocks, "gauge")).toEqual([...GAUGES, ...RPC_GAUGES].toSorted());
  expect(blocks.map(({ type }) => type)).toEqual(blocks.map(({ type }) => type).toSorted());
});

test.concurrent("observability#3 What is switched off has no metrics", async () => {
  await using server = await Cableway.start(["--norpc"]);

  const blocks = await blocksOf(server);

  expect(names(blocks, "counter")).toEqual(COUNTERS);
  expect(names(blocks, "gauge")).toEqual(GAUGES);
});

test.concurrent("observability#4 The capacity is a metric of adaptive concurrency only", async () => {
  await using fixed = await Cableway.start(["--rpc_concurrency=28"]);
  await using adaptive = await Cableway.start(["--rpc_concurrency=0"]);

  expect((await fixed.metrics()).has("rpc_capacity_num")).toBe(false);
  expect((await fixed.metrics()).has("grpc_active_conn_num")).toBe(true);
  expect(await (await adaptive.fetch("/metrics")).text()).toContain(
    "\nanycable_go_rpc_capacity_num 25\n",
  );
});

test.concurrent("observability#5 Tags are labels of every metric, in the order given, and escaped", async () => {
  await using tagged = await Cableway.start(["--norpc", "--metrics_tags=env:dev,rev:1.1"]);
  await using plain = await Cableway.start(["--norpc"]);
  await using odd = await Cableway.start(["--norpc", '--metrics_tags=q:"\\']);

  expect(await (await tagged.fetch("/metrics")).text()).toContain(
    '\nanycable_go_clients_num{env="dev", rev="1.1"} 0\n',
  );
  const labels = (await blocksOf(tagged)).map((block) => block.labels);
  expect(new Set(labels)).toEqual(new Set(['{env="dev", rev="1.1"}']));
  expect(await (await plain.fetch("/metrics")).text()).not.toContain("{");
  expect((await blocksOf(odd))[0]?.labels).toBe('{q="\\"\\\\"}');
});

test.concurrent("observability#6 Memory gauges come with ANYCABLE_MEMORY_METRICS=1 and nothing else", async () => {
  const options = ["--norpc", "--stats_refresh_interval=1"];
  const env = (value: string) => ({ env: { ANYCABLE_MEMORY_METRICS: value } });
  await using detailed = await Cableway.start(options, env("1"));
  await using usual = await Cableway.start(options, env("true"));

  const gauges = names(await blocksOf(detailed), "gauge");
  expect(gauges).toEqual([...GAUGES, ...MEMORY_GAUGES].toSorted());
  expect(names(await blocksOf(usual), "gauge")).toEqual(GAUGES);
});

test.concurrent("observability#7 Gauges of clients and streams are refreshed by the clock", async () => {
  const options = ["--jwt_secret=k", "--public", "--norpc"];
  await using server = await Cableway.start([...options, "--stats_refresh_interval=1"]);
  await using slow = await Cableway.start(options); // every five seconds
  const path = (who: string) => ({ path: `/cable?jid=${jwt("k", { ext: who })}` });
  using first = await welcomed(server, path("a"));
  using second = await welcomed(server, path("a"));
  using _third = await welcomed(slow, path("a"));
  expect(await slow.metric("clients_num")).toBe(0);
  await first.subscribe(pubsub("x"));
  await second.subscribe(pubsub("x"));
  await second.subscribe(pubsub("y"));
  const now = { clients_num: 2, clients_uniq_num: 1, broadcast_streams_num: 2 };
  await expectMetrics(server, now, 1500);
  const memory = await server.metric("mem_sys_bytes");
  expect(memory).toBeGreaterThan(10 ** 7);

  first.drop();
  second.drop();
  await expectMetrics(
    server,
    { clients_num: 0, clients_uniq_num: 0, broadcast_streams_num: 0 },
    1500,
  );
});

test.concurrent("observability#26 A metrics port of its own serves nothing else, a shared one everything", async () => {
  const host = loopbackAddress();
  const [own, shared] = [await freePort(host), await freePort(host)];
  const options = ["--norpc", "--broadcast_adapter=http", "--metrics_http=/metrics"];
  const bare = { isBare: true, host };
  const ports = [`--metrics_port=${own}`, `--http_broadcast_port=${shared}`];
  await using separate = await Cableway.start([...options, ...ports], bare);
  const other = await freePort(host);
  const joint = [`--metrics_port=${other}`, `--http_broadcast_port=${other}`];
  await using together = await Cableway.start([...options, ...joint], bare);

  const at = `http://${host}:${own}`;
  expect((await fetch(`${at}/metrics`)).status).toBe(200);
  expect((await fetch(`${at}/health`)).status).toBe(404);
  expect((await separate.fetch("/metrics")).status).toBe(404);
  await separate.logged(`INF Serve metrics at ${at}/metrics`);

  const both = `http://${host}:${other}`;
  const publication = { method: "POST", body: '{"stream":"a","data":"1"}' };
  expect((await fetch(`${both}/metrics`)).status).toBe(200);
  expect((await fetch(`${both}/_broadcast`, publication)).status).toBe(201);
  expect((await together.fetch("/metrics")).status).toBe(404);
});

test.concurrent("observability#27 A metrics host of its own is the only place for metrics", async () => {
  const [host, metricsHost] = [loopbackAddress(), loopbackAddress()];
  const port = await freePort(metricsHost);
  const options = [`--metrics_host=${metricsHost}`, `--metrics_port=${port}`];
  await using server = await Cableway.start(["--norpc", ...options], { host });

  const url = `http://${metricsHost}:${port}/metrics`;
  expect((await fetch(url)).status).toBe(200);
  expect((await server.fetch("/metrics")).status).toBe(404);
  await expect(fetch(`http://${host}:${port}/metrics`)).rejects.toThrow();
  await server.logged(`INF Serve metrics at ${url}`);
});

test.concurrent("A dedicated metrics listener that cannot listen ends the start", async () => {
  await using other = await Cableway.start(["--norpc"]);
  const where = [`--metrics_host=${other.host}`, `--metrics_port=${other.port}`];

  const { exitCode, output } = await Cableway.run(["--norpc", ...where]);

  expect(exitCode).toBe(1);
  expect(output).toEndWith(
    `\nMetrics server at ${other.url} stopped: listen tcp ${other.host}:${other.port}: bind: address already in use\n`,
  );
});
