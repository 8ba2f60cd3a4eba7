import { expect, test } from "bun:test";
import { printed, printedFile, settingsOf } from "./loading.ts";

const DEFAULT_KEYS =
  "public noauth node_id pubsub_adapter presets server.max_conn server.ssl logging.debug rpc.secret rpc.request_timeout rpc.http_request_timeout streams.secret streams.public streams.turbo streams.turbo_secret jwt.force ws.enable_compression sse.enabled ds.enabled pusher.app_id api.secret redis.tls_verify http_broadcast.secret metrics.http_path metrics.log metrics.tags metrics.statsd app.pong_timeout app.shutdown_delay app.enable_native_ping embedded_nats.enabled embedded_nats.cluster_name embedded_nats.jetstream_ready_timeout";

test("Nothing set prints resolved defaults, and comments for what says nothing, config#10", () => {
  const config = printed([]);

  expect(config.warnings).toBe("");
  expect(config.all("secret", "broadcast_key", "broadcast_adapters")).toEqual([
    "none",
    "none",
    ["http", "redis"],
  ]);
  expect(config.all("http_broadcast.port", "metrics.port", "rpc.tls_root_ca_path")).toEqual([
    8090,
    8080,
    "",
  ]);
  const live = DEFAULT_KEYS.split(" ").filter((key) => config.get(key) !== undefined);
  expect(live).toEqual([]);
  expect(config.text).toMatch(/^# .*\n# .*\n\n/);
});

test("Some keys are live by what other keys say", () => {
  expect(printed(["--statsd_host=h:1"]).get("metrics.statsd")).toEqual({
    host: "h:1",
    prefix: "anycable_go.",
    tags_format: "datadog",
    max_packet_size: 1400,
  });
  expect(printed(["--statsd_prefix=x."]).get("metrics.statsd")).toBeUndefined();
  expect(printed(["--enats_cluster_name=x"]).get("embedded_nats.cluster_name")).toBeUndefined();
  expect(printed(["--enats_cluster=nats://h:1"]).get("embedded_nats.cluster_name")).toBe(
    "anycable-cluster",
  );
  expect(
    printedFile("embedded_nats.jetstream = true").get("embedded_nats.jetstream_ready_timeout"),
  ).toBe(30);
  expect(printed(["--node_id=n"]).get("node_id")).toBe("n");
});

test("The broadcast key is live when set, a comment under a secret, none without both", () => {
  expect(printed(["--secret=s", "--broadcast_key=k"]).all("secret", "broadcast_key")).toEqual([
    "s",
    "k",
  ]);
  const secured = printed(["--secret=s"]);
  expect(secured.get("broadcast_key")).toBeUndefined();
  expect(secured.text).toMatch(/^# broadcast_key =/m);
});

test("Zero limits and timeouts are comments", () => {
  const config = printed(["--rpc_command_timeout=0", "--rpc_request_timeout=5", "--max-conn=3"]);

  expect(config.get("rpc.command_timeout")).toBeUndefined();
  expect(config.text).toMatch(/^# command_timeout = 0$/m);
  expect(config.all("rpc.request_timeout", "server.max_conn")).toEqual([5, 3]);
});

test("Presets have no effect on what is printed, only their list is shown", () => {
  const env = { FLY_APP_NAME: "a", FLY_REGION: "r", FLY_ALLOC_ID: "l" };

  expect(printed([], { env }).text).toBe(printed([]).text);
  expect(printed(["--presets=fly,none"], { env }).all("presets", "server.host")).toEqual([
    ["fly", "none"],
    "localhost",
  ]);
});

const LOST_IN_THE_REFERENCE = [
  "--metrics_http=/m",
  "--enable_native_pings",
  "--rpc_tls_root_ca=/ca.pem",
  "--rpc_tls_verify=false",
  "--streams_presence=false",
  "--ws_max_pending_size=0",
  "--shutdown_delay=3",
  "--http_rpc_timeout=4",
  "--headers=",
  '--secret=a"b\\c\n\x7f',
  "--rpc_host=x\ty",
  '--metrics_tags=a b:c"d,__proto__:é,e:f',
  "--ocpp_granular_actions=false",
  "--poll_interval=7",
  "--broadcast_max_body_size=9",
  "--turbo_rails_key=k",
  "--presets=fly,none",
];

test("A printed file, read again, prints the same, config#41", () => {
  for (const argv of [
    [],
    ["--secret=q", "--port=77", "--public"],
    ["--broadcast_key=k"],
    LOST_IN_THE_REFERENCE,
  ]) {
    const { text } = printed(argv);

    expect(printedFile(text).text).toBe(text);
  }
});

test("What the reference loses is printed, config#41", () => {
  const config = printed(LOST_IN_THE_REFERENCE);

  expect(config.all("metrics.http_path", "app.enable_native_ping", "rpc.tls_verify")).toEqual([
    "/m",
    true,
    false,
  ]);
  expect(config.all("secret", "jwt.secret", "rpc.host", "metrics.tags")).toEqual([
    'a"b\\c\n\x7f',
    'a"b\\c\n\x7f',
    "x\ty",
    Object.fromEntries([
      ["a b", 'c"d'],
      ["__proto__", "é"],
      ["e", "f"],
    ]),
  ]);
});

test("Empty lists of a file stay empty lists, config#41", () => {
  const config = printedFile("broadcast_adapters = []\npresets = []\n");

  expect(config.all("broadcast_adapters", "presets")).toEqual([[], []]);
  expect(printedFile(config.text).text).toBe(config.text);
});

test("A list of one empty text, as the reference prints it, is the empty list", () => {
  expect(printedFile('broadcast_adapters = [""]\n').get("broadcast_adapters")).toEqual([]);
});

test("The key the reference prints for the metrics path is read too", () => {
  expect(printedFile('metrics.http = "/m"\n').get("metrics.http_path")).toBe("/m");
});

test("A reloaded file keeps its resolved port under another main port", () => {
  const { text } = printed([]);

  expect(printedFile(text, "--port=9").all("server.port", "metrics.port")).toEqual([9, 8080]);
});

test("Keys that stand in the file only are printed", () => {
  const text =
    'streams.pubsub_channel = "$x"\napi.host = "h"\napi.cors_headers = true\nredis.max_reconnect_attempts = 7\nnats_pubsub.channel = "n"\n';

  expect(
    printedFile(text).all(
      "streams.pubsub_channel",
      "api.host",
      "api.cors_headers",
      "redis.max_reconnect_attempts",
      "nats_pubsub.channel",
    ),
  ).toEqual(["$x", "h", true, 7, "n"]);
});

// The printed copy of the key, an option of its own, kept the old key valid.
test("A printed broadcast key can be replaced, and the file warns of nothing", () => {
  const { text } = printed(["--broadcast_key=old"]);
  const given = { env: { ANYCABLE_BROADCAST_KEY: "new" }, files: { "c.toml": text } };

  expect(printedFile(text).warnings).toBe("");
  expect(settingsOf(["--config-path=c.toml"], given).httpBroadcast.secret).toBe("new");
});

// Printed as empty, they were filled from the secret, or with the default, when the file was read again.
test("What was switched off stays off in a printed file, until a stronger source says otherwise", () => {
  const off = ["streams", "jwt", "pusher", "http_rpc"].map((name) => `--${name}_secret=none`);
  const { text } = printed(["--secret=x", ...off, "--rpc_command_timeout=0"]);
  const again = (...argv: string[]) =>
    settingsOf(["--config-path=c.toml", ...argv], { files: { "c.toml": text } });

  expect(again()).toMatchObject({
    jwt: null,
    streams: { secret: "" },
    rpc: { secret: "", isSecretDerived: false, commandTimeoutMs: 0 },
  });
  expect(printedFile(text).text).toBe(text);
  expect(again("--jwt_secret=j", "--rpc_command_timeout=5")).toMatchObject({
    jwt: { secret: "j" },
    rpc: { commandTimeoutMs: 5 },
  });
  expect(printed(["--secret=x"]).get("unset")).toBeUndefined();
});
