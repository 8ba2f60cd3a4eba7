import { expect, test } from "bun:test";
import { createLog } from "../../src/log/log.ts";
import { LogWriter } from "../../src/metrics/log-writer.ts";
import { Registry } from "../../src/metrics/registry.ts";
import { FakeClock } from "../support/fake-clock.ts";

function open(filter: readonly string[] | null, format: "text" | "json" = "text") {
  const lines: string[] = [];
  const log = createLog(
    { level: "info", format, isTerminal: false, nodeId: "6VV3mO" },
    { clock: new FakeClock(), write: (line) => void lines.push(line) },
  );
  const registry = new Registry();
  registry.gauge("clients_num", "Clients").set(2);
  registry.counter("rpc_call_total", "RPC calls").add(4);
  registry.counter("broadcast_msg_total", "Broadcasts");
  return { writer: new LogWriter({ intervalS: 15, filter }, { log }), registry, lines };
}

test("LogWriter says at its start how often it prints", async () => {
  const { writer, lines } = open(null);

  await writer.start();

  expect(lines).toEqual(["2024-03-06 14:16:27.872 INF log metrics nodeid=6VV3mO interval=15\n"]);
});

test("LogWriter names the selected metrics at its start, in the order given", async () => {
  const { writer, lines } = open(["rpc_call_total", "nope", "clients_num"]);

  await writer.start();

  expect(lines).toEqual([
    "2024-03-06 14:16:27.872 INF log metrics nodeid=6VV3mO interval=15 fields=rpc_call_total,nope,clients_num\n",
  ]);
});

test("LogWriter prints every metric as an attribute of a record without a message, sorted", async () => {
  const { writer, registry, lines } = open(null);

  await writer.write(registry.rotate());

  expect(lines).toEqual([
    "2024-03-06 14:16:27.872 INF  nodeid=6VV3mO broadcast_msg_total=0 clients_num=2 rpc_call_total=4\n",
  ]);
});

test("LogWriter prints integers after nodeid in JSON", async () => {
  const { writer, registry, lines } = open(null, "json");

  await writer.write(registry.rotate());

  expect(lines).toEqual([
    '{"time":"2024-03-06T14:16:27.872Z","level":"INFO","msg":"","nodeid":"6VV3mO","broadcast_msg_total":0,"clients_num":2,"rpc_call_total":4}\n',
  ]);
});

test("LogWriter with a filter prints the selected metrics, sorted, and ignores unknown names", async () => {
  const { writer, registry, lines } = open(["rpc_call_total", "nope", "clients_num"]);

  await writer.write(registry.rotate());

  expect(lines).toEqual([
    "2024-03-06 14:16:27.872 INF  nodeid=6VV3mO clients_num=2 rpc_call_total=4\n",
  ]);
});

test("LogWriter prints an empty record when the filter matches nothing", async () => {
  const { writer, registry, lines } = open(["nope"]);

  await writer.write(registry.rotate());

  expect(lines).toEqual(["2024-03-06 14:16:27.872 INF  nodeid=6VV3mO\n"]);
});
