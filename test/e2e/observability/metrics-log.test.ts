import { expect, setDefaultTimeout, test } from "bun:test";
import { Application } from "../../support/application.ts";
import { Cableway } from "../../support/cableway.ts";
import { welcomed } from "../../support/welcomed.ts";

setDefaultTimeout(20_000);

const EVERY_SECOND = "--metrics_rotate_interval=1";
const FILTER = "--metrics_log_filter=rpc_call_total,failed_auths_total";

/** Metric records of the text log, without what is on every line. */
function recordsOf(server: Cableway): readonly string[] {
  const records = server.log.matchAll(/^\S+ \S+ INF {2}nodeid=\S+ ?(.*)$/gm);
  return [...records].map(([, attributes = ""]) => attributes);
}

test.concurrent("config#36 observability#16 Every interval is a record with what has changed, by name, without a message", async () => {
  await using application = await Application.start();
  const options = ["--metrics_log", "--metrics_rotate_interval=3", FILTER];
  await using server = await Cableway.start([...options, application.option]);
  await using quiet = await Cableway.start(["--metrics_log", EVERY_SECOND, FILTER]);
  using _first = await welcomed(server);
  using _second = await welcomed(server);

  await quiet.logged(/ INF {2}nodeid=\S+ failed_auths_total=0 rpc_call_total=0\n/);
  await server.logged(/rpc_call_total=2\n(.*\n)*.*rpc_call_total=0\n/, 10_000);

  const [first, second] = recordsOf(server);
  expect(first).toBe("failed_auths_total=0 rpc_call_total=2");
  expect(second).toBe("failed_auths_total=0 rpc_call_total=0");
  expect(server.log).toMatch(
    / INF log metrics nodeid=\S+ interval=3 fields=rpc_call_total,failed_auths_total\n/,
  );
});

test.concurrent("observability#17 A filter alone prints nothing; one that fits nothing prints empty records", async () => {
  await using filtered = await Cableway.start([EVERY_SECOND, "--metrics_log_filter=clients_num"]);
  const nothing = ["--metrics_log", EVERY_SECOND, "--metrics_log_filter=nope"];
  await using empty = await Cableway.start(nothing);

  const twoRecords = / INF {2}nodeid=\S+\n(.*\n)*.* INF {2}nodeid=\S+\n/;
  await empty.logged(twoRecords);

  expect(recordsOf(empty)[0]).toBe("");
  expect(filtered.log).not.toMatch(/clients_num=|log metrics/);
});

test.concurrent("observability#18 A JSON record has an empty message and whole numbers, by name, behind the node", async () => {
  const options = ["--norpc", "--log_format=json", "--metrics_log", EVERY_SECOND];
  await using server = await Cableway.start(options);

  await server.logged('"msg":""');

  const line = server.log.split("\n").find((one) => one.includes('"msg":""')) ?? "";
  const { time, level, msg, nodeid, ...metrics } = JSON.parse(line) as Record<string, unknown>; // looked at below
  expect([typeof time, level, msg, typeof nodeid]).toEqual(["string", "INFO", "", "string"]);
  expect(line).toMatch(/^\{"time":"[^"]+","level":"INFO","msg":"","nodeid":"[^"]+","b/);
  expect(Object.keys(metrics)).toEqual(Object.keys(metrics).toSorted());
  expect(Object.keys(metrics)).toHaveLength(19);
  expect(Object.values(metrics).filter((value) => !Number.isInteger(value))).toEqual([]);
});

test.concurrent("At level warn there are no metric records", async () => {
  const options = ["--norpc", "--metrics_log", EVERY_SECOND, "--log_level=warn"];
  await using server = await Cableway.start(options);
  await using other = await Cableway.start(["--norpc", "--metrics_log", EVERY_SECOND]);

  await other.logged(/ INF {2}nodeid=/);

  expect(server.log).toBe("");
});
