import { describe, expect, test } from "bun:test";
import { failureOf, runOf, settingsOf } from "./loading.ts";

describe("An unknown name stops the start in the reference's words, config#28 config#29", () => {
  for (const [flag, message] of [
    [
      "--log_level=INFO",
      "failed to initialize default logger, cause: unknown log level: INFO.\nAvailable levels are: debug, info, warn, error",
    ],
    [
      "--log_format=xml",
      "failed to initialize default logger, cause: unknown log format: xml.\nAvaialable formats are: text, json",
    ],
    [
      "--pubsub=foo",
      "couldn't configure pub/sub, cause: common.illegal_argument: Unsupported subscriber adapter: foo",
    ],
    [
      "--broker=foo",
      "failed to initialize broker, cause: common.illegal_argument: Unsupported broker adapter: foo",
    ],
    [
      "--broadcast_adapter=http,",
      "couldn't configure broadcasters, cause: common.illegal_argument: Unsupported broadcast adapter: ",
    ],
    [
      "--broadcast_adapter=none",
      "couldn't configure broadcasters, cause: common.illegal_argument: Unsupported broadcast adapter: none",
    ],
    [
      "--rpc_impl=foo",
      "failed to initialize RPC controller, cause: unknown RPC implementation: foo",
    ],
  ] as const) {
    test(flag, () => {
      expect(failureOf([flag])).toMatchObject({ stdout: `${message}\n`, stderr: "" });
    });
  }
});

describe("What crashes the reference is one message naming the option, config#43", () => {
  for (const [flag, message] of [
    ["--disconnect_rate=0", 'invalid value "0" for --disconnect_rate: allowed is 1 or more'],
    ["--path=/a,cable", 'invalid value "cable" for --path: allowed is a path that begins with "/"'],
    [
      "--path=/a/*/b",
      'invalid value "/a/*/b" for --path: allowed is a path with "*" at its end only',
    ],
    [
      "--health-path=",
      'invalid value "" for --health-path: allowed is a path that begins with "/"',
    ],
    [
      "--metrics_http=m",
      'invalid value "m" for --metrics_http: allowed is a path that begins with "/"',
    ],
    [
      "--http_broadcast_path=b",
      'invalid value "b" for --http_broadcast_path: allowed is a path that begins with "/"',
    ],
    [
      "--api_path=api",
      'invalid value "api" for --api_path: allowed is a path that begins with "/"',
    ],
  ] as const) {
    test(flag, () => {
      const argv = [flag, "--api_port=1"];
      expect(failureOf(argv)).toMatchObject({ stdout: `${message}\n`, stderr: "" });
    });
  }

  test("--metrics_tags=env:prod,oops", () => {
    expect(failureOf(["--metrics_tags=env:prod,oops"]).stderr).toBe(
      '2026/01/15 09:30:00 invalid value "env:prod,oops" for flag -metrics_tags: "oops" is not a name:value pair\n',
    );
    expect(failureOf([], { env: { ANYCABLE_METRICS_TAGS: ":x" } }).stderr).toBe(
      '2026/01/15 09:30:00 could not parse ":x" as tags value from environment variable "ANYCABLE_METRICS_TAGS" for flag metrics_tags: ":x" is not a name:value pair\n',
    );
  });
});

test("A disconnect rate above 1000 and a path that is off are fine", () => {
  expect(settingsOf(["--disconnect_rate=5000"]).disconnector.rate).toBe(5000);
  expect(settingsOf(["--sse_path=x", "--path=/a/*"]).ws.paths).toEqual(["/a/*"]);
  expect(settingsOf(["--api_path=x"]).api).toBeNull();
});

test("Limits of the adaptive concurrency that do not fit each other are left to the RPC client", () => {
  const { rpc } = settingsOf(["--rpc_concurrency=0", "--rpc_concurrency_max=4"]);

  expect([rpc.concurrency, rpc.concurrencyMin, rpc.concurrencyMax]).toEqual([0, 5, 4]);
});

test("A publication body limit below one byte is refused", () => {
  expect(failureOf(["--broadcast_max_body_size=0"]).stdout).toBe(
    'invalid value "0" for --broadcast_max_body_size: allowed is 1 or more\n',
  );
});

describe("What is not built in yet stops the start by name", () => {
  for (const [argv, line] of [
    [["--sse"], "--sse is not built in yet"],
    [["--ds"], "--ds is not built in yet"],
    [["--poll"], "--poll is not built in yet"],
    [["--graphql_path=/g"], "--graphql_path=/g is not built in yet"],
    [["--ocpp_path=/o"], "--ocpp_path=/o is not built in yet"],
    [["--pusher_app_id=1", "--pusher_app_key=k"], "--pusher_app_id=1 is not built in yet"],
    [["--statsd_host=h:1"], "--statsd_host=h:1 is not built in yet"],
    [["--metrics_log_formatter=f.js"], "--metrics_log_formatter=f.js is not built in yet"],
  ] as const) {
    test(line, () => {
      expect(failureOf(argv)).toMatchObject({ stdout: `${line}\n`, stderr: "" });
    });
  }
});

test("NATS replicas are 1, 3 or 5", () => {
  expect(failureOf(["--nats_replicas=2"]).stdout).toBe(
    'invalid value "2" for --nats_replicas: allowed is 1, 3 or 5\n',
  );
  expect(settingsOf(["--nats_replicas=3"]).broker.natsReplicas).toBe(3);
});

test("Redis is asked for by naming adapters or its address, not by the default", () => {
  expect(settingsOf([]).broadcast).toEqual({ adapters: ["http", "redis"], isAsked: false });
  expect(settingsOf(["--broadcast_adapter=http,redis"]).broadcast.isAsked).toBe(true);
  expect(settingsOf(["--redis_url=redis://r:1"]).broadcast.isAsked).toBe(true);
});

test("Half of Pusher's settings switches nothing on", () => {
  expect(settingsOf(["--pusher_app_id=1"]).pusher).toBeNull();
});

test("A list of adapters that is empty in the file has none", () => {
  const files = { "c.toml": "broadcast_adapters = []" };

  expect(settingsOf(["--config-path=c.toml"], { files }).broadcast).toEqual({
    adapters: [],
    isAsked: true,
  });
});

test("Names that are not validated act as the reference does, with a note for the log", () => {
  const run = runOf([
    "--disconnect_mode=x",
    "--ping_timestamp_precision=y",
    "--rpc_concurrency=-1",
  ]);

  expect(run.settings.app).toMatchObject({ disconnectMode: "never", pingPrecision: "s" });
  expect(run.settings.rpc.concurrency).toBe(28);
  expect(run.notes).toEqual([
    "RPC concurrency must be positive, reverted to the default value",
    "Unknown disconnect_mode: x (allowed: always, never, auto), using never",
    "Unknown ping_timestamp_precision: y (allowed: s, ms, ns), using s",
  ]);
});

test("Headers no request can have are named in a note, the token's only when tokens are looked at", () => {
  const notes = (...argv: string[]) => runOf(argv).notes;
  const never = (name: string, flag: string) =>
    `No request has a header named ${name}, given by ${flag}: it is never found`;

  expect(notes("--headers=cookie, X-Foo,,x_1")).toEqual([
    never('" x-foo"', "headers"),
    never('""', "headers"),
  ]);
  expect(notes("--jwt_param=a b", "--jwt_secret=s")).toEqual([never('"x-a b"', "jwt_param")]);
  expect(notes("--jwt_param=a b")).toEqual([]);
});
