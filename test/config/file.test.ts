import { describe, expect, test } from "bun:test";
import { failureOf, type Given, printed, printedFile, runOf, settingsOf } from "./loading.ts";

const FILE = ["--config-path=c.toml"];
const file = (text: string | Uint8Array): Given => ({ files: { "c.toml": text } });

function problemOf(text: string): string {
  const { stdout, stderr } = failureOf(["--print-config", ...FILE], file(text));
  expect(stdout).toBe("");
  expect(stderr).toStartWith("2026/01/15 09:30:00 ");
  return stderr.slice("2026/01/15 09:30:00 ".length, -1);
}

describe("A value of the wrong type names line, key and both types, config#12", () => {
  for (const [text, where, found, wanted] of [
    ['[server]\nport = "8080"\n', '2 (last key "server.port")', "string", "integer"],
    ["[server]\nhost = 5\n", '2 (last key "server.host")', "int64", "string"],
    ["[logging]\ndebug = 1\n", '2 (last key "logging.debug")', "int64", "boolean"],
    ["[server]\nport = 1.0\n", '2 (last key "server.port")', "float64", "integer"],
    ["[server]\nport = [1]\n", '2 (last key "server.port")', "[]any", "integer"],
    ["[server]\nhost = {a = 1}\n", '2 (last key "server.host")', "map[string]any", "string"],
    ["[server]\nhost = true\n", '2 (last key "server.host")', "bool", "string"],
    ['broadcast_adapters = "x"\n', '1 (last key "broadcast_adapters")', "string", "slice"],
    ["# c\n\nPresets = [\n 5,\n]\n", '3 (last key "Presets")', "int64", "string"],
    ["metrics.tags = 5\n", '1 (last key "metrics.tags")', "int64", "map"],
    ['[metrics.tags]\nb = "x"\na = 5\n', '3 (last key "metrics.tags.a")', "int64", "string"],
    [
      "[nats_pubsub.nats]\nservers = 5\n",
      '2 (last key "nats_pubsub.nats.servers")',
      "int64",
      "string",
    ],
    ['x = """\na\n"""\nserver.port = "1"\n', '4 (last key "server.port")', "string", "integer"],
  ] as const) {
    test(text, () => {
      expect(problemOf(text)).toBe(
        `failed to parse TOML configuration, cause: toml: line ${where}: incompatible types: TOML value has type ${found}; destination has type ${wanted}`,
      );
    });
  }
});

describe("Broken TOML names line and last key", () => {
  for (const [text, where] of [
    ["port = \n", 'line 1 (last key "port"): '],
    ["[server\n", "line 1: "],
    ["a = 1\na = 2\n", 'line 2 (last key "a"): '],
    ["x = 1\n\ny = 'z\n", 'line 3 (last key "y"): '],
    ["[server]\n# c\nport = 010\n", 'line 3 (last key "server.port"): '],
    ['[server]\n"a b".c = \n', 'line 2 (last key "server.a b.c"): '],
    ["server = 5\n", 'line 1 (last key "server"): '],
    ["[[server]]\nport = 1\n", 'line 1 (last key "server"): '],
    ["[server]\n[server]\n", "line 2: "],
    ["[ws]\nmax_pending_size = -1\n", 'line 2 (last key "ws.max_pending_size"): -1 is negative'],
    [
      "server.port = 9223372036854775808",
      'line 1 (last key "server.port"): 9223372036854775808 is out of range',
    ],
    [
      "ws.max_pending_size = 9223372036854775808",
      'line 1 (last key "ws.max_pending_size"): 9223372036854775808 is out of range',
    ],
    ['[metrics.tags]\n"" = "x"\n', 'line 2 (last key "metrics.tags."): a tag needs a name'],
  ] as const) {
    test(text, () => {
      expect(problemOf(text)).toStartWith(
        `failed to parse TOML configuration, cause: toml: ${where}`,
      );
    });
  }
});

test("A file that cannot be read is named with the reason, config#13", () => {
  expect(failureOf(["--config-path=missing.toml"])).toMatchObject({
    stdout: "",
    stderr:
      "2026/01/15 09:30:00 failed to read config file, cause: open missing.toml: no such file or directory\n",
  });
  expect(failureOf(["--config-path=d"], { folders: ["d"] }).stderr).toEndWith(
    " failed to read config file, cause: read d: is a directory\n",
  );
  expect(runOf(["--config-path=missing.toml", "--ignore-config-path"]).configFile).toBeNull();
});

test("A file that is not UTF-8 is refused", () => {
  expect(failureOf(FILE, file(new Uint8Array([0x61, 0xff]))).stderr).toEndWith(
    " failed to parse TOML configuration, cause: toml: c.toml is not UTF-8\n",
  );
});

test("The file in the working folder is found, another one replaces it, none is read when told so", () => {
  const given = {
    files: {
      "./anycable.toml": "[server]\nport = 7\nmax_conn = 3\n",
      "/etc/anycable/anycable.toml": "[server]\nport = 6\n",
      "c.toml": "[server]\nport = 8\n",
    },
  };
  const found = (...argv: string[]) => {
    const { settings, configFile } = runOf(argv, given);
    return [configFile, settings.server.port, settings.server.maxConnections];
  };

  expect(found()).toEqual(["./anycable.toml", 7, 3]);
  expect(found("--config-path=c.toml")).toEqual(["c.toml", 8, 0]);
  expect(found("--config-path=x", "--config-path=c.toml")).toEqual(["c.toml", 8, 0]);
  expect(found("--config-path=")).toEqual([null, 8080, 0]);
  expect(found("--ignore-config-path", "--config-path=c.toml")).toEqual([null, 8080, 0]);
});

test("The file of the machine is found when the working folder has none", () => {
  const files = { "/etc/anycable/anycable.toml": "[server]\nport = 6\n" };

  expect(runOf([], { files })).toMatchObject({
    configFile: "/etc/anycable/anycable.toml",
    settings: { server: { port: 6 } },
  });
});

test("Keys match in any case, unknown ones are reported and otherwise ignored", () => {
  const text =
    'node_id = "n1"\nzzz = 1\n[server]\nPort = 5\nnope = true\n[DISCONNECTOR]\nRATE = 7\n[other.thing]\nx = [1]\n[ws]\nfoo = 1\n';

  const { settings, notes } = runOf(FILE, file(text));

  expect(settings.server.port).toBe(5);
  expect(settings.nodeId).toBe("n1");
  expect(settings.disconnector).toEqual({ isEnabled: true, rate: 7, backlog: 4096 });
  expect(notes).toEqual(
    ["zzz", "server.nope", "other", "ws.foo"].map(
      (key) => `Unknown key in the configuration file: ${key}`,
    ),
  );
});

test("Names of the object prototype are keys like any other", () => {
  const text = '__proto__ = 1\n[metrics.tags]\n__proto__ = "a"\nconstructor = "b"\n';

  const { settings, notes } = runOf(FILE, file(text));

  expect(settings.metrics.tags).toEqual([
    ["__proto__", "a"],
    ["constructor", "b"],
  ]);
  expect(notes).toEqual(["Unknown key in the configuration file: __proto__"]);
});

test("A file may have any form TOML allows, config#42", () => {
  for (const text of [
    '\ufeff[server]\nport = 5\nhost = "x"\n',
    '[server]\r\nport = 5\r\nhost = "x"\r\n',
    "server = { port = 0x5, host = 'x' }",
    '[server.ssl]\ncert_path = \'c\'\n[ server ] # c\nport = +5 # d\n"host" = """\nx"""\n',
  ]) {
    expect(printedFile(text).all("server.port", "server.host")).toEqual([5, "x"]);
  }
});

test("A file may use every kind of key, text, number and list, config#42", () => {
  const text = `server.port = 0x1F # c
'broadcast_key' = 'a/b'
rpc.host = """
multi \\
   line"""
metrics = { tags = { kv = "x", b = "\\u00e9" }, http_path = '/m' }
redis_pubsub."channel" = '''it's'''
broadcast_adapters = [
  "http", # one
  "redis",
]
when = 1979-05-27T07:32:00Z
much = [inf, 1.5e3, [true], {x = 1}]
[ws]
max_message_size = 1_000
[embedded_nats]
gateways = ['a:b', "c:d"]
[server.ssl]
key_path = "k"
`;
  const config = printedFile(text);

  expect(config.all("server.port", "broadcast_key", "rpc.host", "metrics.http_path")).toEqual([
    31,
    "a/b",
    "multi line",
    "/m",
  ]);
  expect(config.all("metrics.tags.kv", "metrics.tags.b", "redis_pubsub.channel")).toEqual([
    "x",
    "é",
    "it's",
  ]);
  expect(config.all("broadcast_adapters", "embedded_nats.gateways")).toEqual([
    ["http", "redis"],
    ["a:b", "c:d"],
  ]);
  expect(config.all("ws.max_message_size", "server.ssl.key_path")).toEqual([1000, "k"]);
});

test("An empty file is fine", () => {
  expect(printedFile("").text).toBe(printed([]).text);
});

test("A component's own connection starts from zero, the others share", () => {
  const text =
    '[redis]\nurl = "redis://a:1"\n[redis_pubsub.redis]\nurl = "redis://b:2"\n[nats_pubsub.nats]\nservers = "nats://c:3,nats://d:4"\n';

  const settings = settingsOf([...FILE, "--pubsub=none"], file(text));

  expect(settings.redisPubsubBroadcast.redis).toEqual(settings.redis);
  expect(settings.redis).toMatchObject({ url: "redis://a:1", maxReconnectAttempts: 5 });
  expect(settings.pubsub.redis.redis).toMatchObject({
    url: "redis://b:2",
    maxReconnectAttempts: 0,
    keepaliveIntervalS: 0,
  });
  expect(settings.pubsub.nats.nats).toEqual({
    servers: ["nats://c:3", "nats://d:4"],
    isOrdered: false,
    maxReconnectAttempts: 0,
  });
});

test("A component's section without a known key starts from zero too", () => {
  const text = "[redis_pubsub.redis]\n[nats_pubsub.nats]\nnope = 1\n";

  const { settings, notes } = runOf([...FILE, "--pubsub=none"], file(text));

  expect(settings.pubsub.redis.redis).toMatchObject({ url: "", maxReconnectAttempts: 0 });
  expect(settings.pubsub.nats.nats).toMatchObject({ servers: [], maxReconnectAttempts: 0 });
  expect(notes).toEqual(["Unknown key in the configuration file: nats_pubsub.nats.nope"]);
});

test("Keys of the reference that are not options are known", () => {
  const text =
    'http_broadcast.cors_hosts = "a.io"\nserver.allowed_origins = "b.io"\n[metrics]\nloginterval = 7\nrotate_interval = 0\n';

  const { settings, notes, warnings } = runOf(FILE, file(text));

  expect([notes, settings.httpBroadcast.corsHosts]).toEqual([[], ["b.io"]]);
  expect(settings.metrics.intervalS).toBe(7);
  expect(warnings[0]).toContain("metrics_log_interval option is deprecated");
});
