import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "smol-toml";
import { VERSION } from "../../../src/config/version.ts";
import { type BinaryOptions, runBinary } from "../../support/binary.ts";
import { Cableway, loopbackAddress } from "../../support/cableway.ts";
import { until } from "../../support/until.ts";

setDefaultTimeout(20_000);

const DATED = String.raw`\d{4}/\d\d/\d\d \d\d:\d\d:\d\d `;

/** The configuration a run prints, as TOML says it. */
async function printed(args: readonly string[], options: BinaryOptions = {}) {
  const { exitCode, stdout, stderr } = await runBinary([...args, "--print-config"], options);
  expect([exitCode, stderr]).toEqual([0, ""]);
  return parse(stdout);
}

test.concurrent("config#1 -v prints the version and nothing else", async () => {
  const run = await runBinary(["-v"]);

  expect(run).toEqual({ exitCode: 0, stdout: `${VERSION}\n`, stderr: "" });
});

test.concurrent("config#2 config#3 -h lists the options by category, without the hidden ones", async () => {
  const { exitCode, stdout, stderr } = await runBinary(["-h"]);

  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("GLOBAL OPTIONS:");
  expect(stdout).toContain("\n   ANYCABLE-GO SERVER:\n");
  expect(stdout).not.toMatch(/--node_id|--jwt_id_key/);
  expect(stdout).toMatch(/^ {3}--port value .*\(default: 8080\) \[\$ANYCABLE_PORT, \$PORT\]$/m);
  expect(stdout.indexOf("REDIS X BROADCAST:")).toBeLessThan(stdout.indexOf("   REDIS:"));
});

test.concurrent("config#4 An unknown option ends the start: usage on stdout, a dated line on stderr, code 1", async () => {
  const { exitCode, stdout, stderr } = await runBinary(["--nope"]);

  expect(exitCode).toBe(1);
  expect(stdout).toStartWith("Incorrect Usage: flag provided but not defined: -nope\n\nNAME:\n");
  expect(stderr).toMatch(new RegExp(`^${DATED}flag provided but not defined: -nope\n$`));
});

test.concurrent("config#5 config#6 A value that is no number ends the start, from wherever it comes", async () => {
  const flag = await runBinary(["--port=abc", "--print-config"]);
  const variable = await runBinary(["-h"], { env: { ANYCABLE_PORT: "abc" } });

  expect(flag.exitCode).toBe(1);
  expect(flag.stderr).toContain('invalid value "abc" for flag -port: parse error\n');
  expect(variable.exitCode).toBe(1);
  expect(variable.stderr).toContain(
    'could not parse "abc" as int value from environment variable "ANYCABLE_PORT" for flag port: strconv.ParseInt: parsing "abc": invalid syntax\n',
  );
});

test.concurrent("config#7 config#8 A flag beats its variable, the variable its alias, even when it is empty", async () => {
  const port = async (args: readonly string[], env: Readonly<Record<string, string>>) =>
    (await printed(args, { env }))["server"];

  const both = { ANYCABLE_PORT: "312", PORT: "99" };
  expect(await port(["-port=2025"], both)).toMatchObject({ port: 2025 });
  expect(await port([], both)).toMatchObject({ port: 312 });
  expect(await port([], { PORT: "99" })).toMatchObject({ port: 99 });
  expect(await port([], { ANYCABLE_PORT: "", PORT: "3000" })).toMatchObject({ port: 8080 });
});

test.concurrent("config#9 A word ends the options: the server starts on the default port, in debug mode", async () => {
  const host = loopbackAddress();
  const healthy = (): Promise<boolean> =>
    fetch(`http://${host}:8080/health`).then(
      ({ ok }) => ok,
      () => false, // not up yet
    );

  const { stdout } = await runBinary(
    ["--host", host, "--broadcast_adapter=http", "--debug", "false", "--port=9", "--print-config"],
    { meanwhile: () => until("the server is healthy on 8080", healthy) },
  );

  expect(stdout).toMatch(/^\S+ \S+ DBG Debug mode is on/);
  expect(stdout).not.toContain("[server]");
});

test.concurrent("config#11 A printed configuration is the file of the next start, as far as nothing else is said", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "cableway-config-"));
  const flags = [
    "--debug --noauth --port 2024 --broadcast_adapter=http,redisx --sse",
    "--metrics_tags=env:production,node_id:xyz --statsd_tags_format=datadog --print-config",
  ];
  const given = {
    ANYCABLE_SECRET: "file-secret",
    ANYCABLE_NODE_ID: "node-1",
    ANYCABLE_STATSD_HOST: "localhost:8125",
  };

  const { stdout } = await runBinary(flags.join(" ").split(" "), { env: given, cwd });
  writeFileSync(join(cwd, "anycable.toml"), stdout);

  expect(await printed([], { cwd })).toMatchObject({
    node_id: "node-1",
    noauth: true,
    secret: "file-secret",
    broadcast_adapters: ["http", "redisx"],
    logging: { debug: true },
    server: { port: 2024 },
    sse: { enabled: true },
    metrics: {
      tags: { env: "production", node_id: "xyz" },
      statsd: { host: "localhost:8125", tags_format: "datadog" },
    },
  });
  const ignored = await printed(["--ignore-config-path"], { cwd });
  expect([ignored["node_id"], ignored["secret"]]).toEqual([undefined, "none"]);
  const overriding = {
    ANYCABLE_NODE_ID: "node-2",
    ANYCABLE_PORT: "312",
    ANYCABLE_SECRET: "override",
    ANYCABLE_DEBUG: "false",
  };
  const overridden = await printed(["--port=2025", "--statsd_tags_format=influx"], {
    env: overriding,
    cwd,
  });
  expect(overridden).toMatchObject({
    node_id: "node-2",
    noauth: true,
    secret: "override",
    broadcast_adapters: ["http", "redisx"],
    server: { port: 2025 },
    sse: { enabled: true },
    metrics: {
      tags: { env: "production", node_id: "xyz" },
      statsd: { host: "localhost:8125", tags_format: "influx" },
    },
  });
  expect(overridden["logging"]).not.toHaveProperty("debug");
  rmSync(cwd, { recursive: true });
});

test.concurrent("config#12 config#13 A file that is missing or of a wrong type ends the start on stderr", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "cableway-config-"));
  writeFileSync(join(cwd, "typed.toml"), '[server]\nport = "8080"\n');
  writeFileSync(join(cwd, "unknown.toml"), "[nowhere]\nport = 1\n");

  const typed = await runBinary(["--config-path=typed.toml"], { cwd });
  const missing = await runBinary(["--config-path=missing.toml"], { cwd });
  await printed(["--config-path=unknown.toml"], { cwd });
  await printed(["--config-path=missing.toml", "--ignore-config-path"], { cwd });

  expect([typed.exitCode, typed.stdout]).toEqual([1, ""]);
  expect(typed.stderr).toEndWith(
    "incompatible types: TOML value has type string; destination has type integer\n",
  );
  expect([missing.exitCode, missing.stdout]).toEqual([1, ""]);
  expect(missing.stderr).toMatch(
    new RegExp(
      `^${DATED}failed to read config file, cause: open missing.toml: no such file or directory\n$`,
    ),
  );
  rmSync(cwd, { recursive: true });
});

test.concurrent("config#27 config#28 config#29 A name that the server does not know ends the start on stdout", async () => {
  const refusals = [
    ["--presets=fly", "failed to load configuration presets, cause: FLY_REGION env is missing\n"],
    [
      "--log_level=INFO",
      "failed to initialize default logger, cause: unknown log level: INFO.\nAvailable levels are: debug, info, warn, error\n",
    ],
    ["--log_format=xml", "unknown log format: xml.\n"],
    ["--pubsub=foo", "Unsupported subscriber adapter: foo\n"],
    ["--broker=foo", "Unsupported broker adapter: foo\n"],
    ["--broadcast_adapter=foo", "Unsupported broadcast adapter: foo\n"],
    ["--rpc_impl=foo", "unknown RPC implementation: foo\n"],
  ] as const;

  for (const [arg, text] of refusals) {
    const { exitCode, stdout, stderr } = await runBinary([arg, `--host=${loopbackAddress()}`]);
    expect([arg, exitCode, stderr]).toEqual([arg, 1, ""]);
    expect(stdout).toContain(text);
  }
});

test.concurrent("config#43 What crashes the reference ends the start with a line that names the option", async () => {
  const refusals = [
    ["--metrics_tags=env", "metrics_tags"],
    ["--metrics_tags=:x", "metrics_tags"],
    ["--disconnect_rate=0", "disconnect_rate"],
    ["--path=cable", "path"],
    ["--path=/a/*/b", "path"],
    ["--health-path=up", "health-path"],
    ["--metrics_http=metrics", "metrics_http"],
  ] as const;

  for (const [arg, option] of refusals) {
    const { exitCode, stdout, stderr } = await runBinary([arg, `--host=${loopbackAddress()}`]);
    const text = `${stdout}${stderr}`;
    expect([arg, exitCode, text.includes(option)]).toEqual([arg, 1, true]);
    expect(text).not.toMatch(/^\s+at /m);
  }
});

test.concurrent("Output nobody takes ends the listing with code 1 and no stack trace", async () => {
  for (const target of ["> /dev/full", "| true"]) {
    const code = `{ "$@"; echo "code $?" >&2; } ${target}`;

    const { output } = await Cableway.run(["-h"], { through: ["sh", "-c", code, "sh"] });

    if (target === "> /dev/full") expect(output).toBe("code 1\n");
    else expect(output).toMatch(/^code [01]\n$/); // `true` may end after the listing
  }
});
