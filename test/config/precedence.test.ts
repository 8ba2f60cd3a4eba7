import { expect, test } from "bun:test";
import { OPTION_TABLE } from "../../src/config/option-table.ts";
import REFERENCE from "./fixtures/reference-options.json" with { type: "json" };
import { printed, printedFile, settingsOf } from "./loading.ts";

type Option = (typeof REFERENCE)[number];

/** Printed under another condition or name; these have tests of their own. */
const SPECIAL = new Set(
  "--public --debug --norpc --shutdown_delay --http_rpc_timeout --metrics_http --enable_native_pings".split(
    " ",
  ),
);
const PLAIN = REFERENCE.filter(
  (one) => one.toml !== null && one.pro !== true && !SPECIAL.has(one.flag),
);
const TEXTS = new Set(["--allowed_origins", "--redis_sentinels", "--nats_servers"]);

interface Sample {
  readonly text: string;
  readonly value: unknown;
  readonly toml: string;
}

/** A value of an option that is not its default, another one in each layer. */
function sample(option: Option, layer: number): Sample {
  const index = PLAIN.indexOf(option);
  if (option.type === "bool") {
    return { text: `${!option.default}`, value: !option.default, toml: `${!option.default}` };
  }
  if (option.type.includes("int")) {
    const value = 20_000 + 200 * layer + index;
    return { text: `${value}`, value, toml: `${value}` };
  }
  if (option.flag === "--metrics_tags") {
    const value = { [`t${layer}`]: "v" };
    return { text: `t${layer}:v`, value, toml: `{ t${layer} = "v" }` };
  }
  const text = `/v${layer}i${index}`;
  if (option.separator === undefined || TEXTS.has(option.flag)) {
    return { text, value: text, toml: JSON.stringify(text) };
  }
  const value = [text, "/y"];
  return { text: value.join(option.separator), value, toml: JSON.stringify(value) };
}

function file(layer: number): string {
  return PLAIN.map((option) => `${option.toml} = ${sample(option, layer).toml}\n`).join("");
}

function environment(layer: number): Record<string, string> {
  return Object.fromEntries(
    PLAIN.map((option) => [
      option.env[0] ?? "ANYCABLE_WS_MAX_PENDING_SIZE",
      sample(option, layer).text,
    ]),
  );
}

function flags(layer: number): string[] {
  return PLAIN.map((option) => `${option.flag}=${sample(option, layer).text}`);
}

function expectLayer(config: ReturnType<typeof printed>, layer: number): void {
  for (const option of PLAIN) {
    const { value } = sample(option, layer);
    const found = config.get(option.toml ?? "");
    expect([option.flag, value === false ? (found ?? false) : found]).toEqual([option.flag, value]);
  }
}

test("Every option set in the file is printed back, config#40", () => {
  expectLayer(printedFile(file(1)), 1);
});

test("Every option's variable beats the file, config#40", () => {
  const given = { env: environment(2), files: { "c.toml": file(1) } };

  expectLayer(printed(["--config-path=c.toml"], given), 2);
});

test("Every option's flag beats variable and file, config#40", () => {
  const given = { env: environment(2), files: { "c.toml": file(1) } };

  expectLayer(printed(["--config-path=c.toml", ...flags(3)], given), 3);
});

test("Every option of the reference is in the table with its default, variables and key, config#40", () => {
  for (const option of REFERENCE) {
    const row = OPTION_TABLE.find((one) => `--${one.flag}` === option.flag);
    const text = Array.isArray(row?.default) ? row.default.join(",") : row?.default;

    expect(row).toBeDefined();
    if (option.flag !== "--broadcast_adapter")
      expect([option.flag, text]).toEqual([option.flag, option.default]);
    expect([...(row?.env ?? []), ...(row?.hiddenEnv ?? [])]).toEqual(
      expect.arrayContaining(option.env),
    );
    if (option.toml !== null && option.flag !== "--norpc")
      expect(row?.key as string).toBe(option.toml);
  }
});

test("The flag beats ANYCABLE_PORT, which beats PORT, config#7", () => {
  const env = { ANYCABLE_PORT: "312", PORT: "99" };

  expect(printed(["-port=2025"], { env }).get("server.port")).toBe(2025);
  expect(printed([], { env }).get("server.port")).toBe(312);
  expect(printed([], { env: { PORT: "99" } }).get("server.port")).toBe(99);
});

test("An empty variable hides the one after it, config#8", () => {
  const env = { ANYCABLE_PORT: "", PORT: "3000" };

  expect(printed([], { env }).get("server.port")).toBe(8080);
});

test("An empty variable is an empty text, false, or nothing for numbers and lists", () => {
  const env = Object.fromEntries(
    "HOST REDIS_URL BROADCAST_ADAPTER PRESETS HEADERS NODE_ID PATH RPC_TLS_VERIFY HISTORY_TTL"
      .split(" ")
      .map((name) => [`ANYCABLE_${name}`, ""]),
  );
  const text =
    'broadcast_adapters = ["http"]\npresets = ["broker"]\nnode_id = "n"\n[server]\nhost = "h"\n[broker]\nhistory_ttl = 7\n[ws]\npaths = ["/x"]\n';

  const config = printed(["--config-path=c.toml"], { env, files: { "c.toml": text } });

  expect(config.all("server.host", "redis.url", "pubsub_adapter", "rpc.tls_verify")).toEqual([
    "",
    "",
    "redis",
    false,
  ]);
  expect(config.all("broadcast_adapters", "presets", "rpc.proxy_headers", "ws.paths")).toEqual([
    ["http"],
    ["broker"],
    [],
    ["/x"],
  ]);
  expect(config.all("broker.history_ttl", "node_id")).toEqual([7, "n"]);
});

test("Paths and headers of the file are honoured, flags replace them whole", () => {
  const text = '[ws]\npaths = ["/x", "/y"]\nmax_pending_size = 5\n[rpc]\nproxy_headers = ["X-A"]\n';
  const paths = (...argv: string[]) =>
    printedFile(text, ...argv).all("ws.paths", "rpc.proxy_headers", "ws.max_pending_size");

  expect(paths()).toEqual([["/x", "/y"], ["x-a"], 5]);
  expect(paths("--path=", "--headers=")).toEqual([["/x", "/y"], [], 5]);
  expect(paths("--path=/z", "--headers=B", "--ws_max_pending_size=77")).toEqual([
    ["/z"],
    ["b"],
    77,
  ]);
});

test("Node id is the given one, else six random characters", () => {
  expect(settingsOf(["--node_id=n"]).nodeId).toBe("n");
  expect(settingsOf(["--node_id="]).nodeId).toBe("aB3_xZ");
  expect(settingsOf([], { env: { ANYCABLE_NODE_ID: "" } }).nodeId).toBe("aB3_xZ");
});

test("An empty flag beats the variable: the file or the default counts", () => {
  const env = {
    ANYCABLE_PATH: "/e",
    ANYCABLE_BROADCAST_ADAPTER: "redisx",
    ANYCABLE_PRESETS: "broker",
    ANYCABLE_NODE_ID: "e",
    ANYCABLE_HEADERS: "x-e",
    ANYCABLE_RPC_HOST: "e:1",
  };
  const argv = ["--path=/x", "--path=", "--broadcast_adapter=", "--presets=", "--node_id="];

  const config = printed(
    ["--config-path=c.toml", ...argv, "--headers=", "--rpc_host=", "--rpc_host=/f"],
    { env, files: { "c.toml": 'broadcast_adapters = ["http"]\n' } },
  );

  expect(config.all("ws.paths", "broadcast_adapters", "presets", "node_id")).toEqual([
    ["/cable"],
    ["http"],
    undefined,
    undefined,
  ]);
  expect(config.all("rpc.proxy_headers", "rpc.host")).toEqual([[], "/f"]);
});
