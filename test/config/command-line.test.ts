import { expect, test } from "bun:test";
import { VERSION } from "../../src/config/version.ts";
import { failureOf, load, printed, runOf, settingsOf } from "./loading.ts";

const HELP = load(["-h"]);
const HELP_TEXT = HELP.kind === "exit" ? HELP.stdout : "";

function expectUsageError(
  message: string,
  argv: readonly string[],
  env: Record<string, string> = {},
) {
  const { stdout, stderr } = failureOf(argv, { env });
  expect(stderr).toBe(`2026/01/15 09:30:00 ${message}\n`);
  expect(stdout).toStartWith(`Incorrect Usage: ${message}\n\n${HELP_TEXT}`);
}

test("Version is one bare line, also with files missing and words behind it, config#1", () => {
  const version = { kind: "exit" as const, code: 0 as const, stdout: `${VERSION}\n`, stderr: "" };

  expect(load(["-v"])).toEqual(version);
  expect(load(["--version"])).toEqual(version);
  expect(load(["-v", "word"])).toEqual(version);
  expect(load(["--config-path=missing.toml", "-v"])).toEqual(version);
  expect(load(["--help=false", "-v"])).toEqual(version);
});

test("Help wins over version and names no hidden option, config#2", () => {
  expect(load(["-h", "-v"])).toEqual(HELP);
  expect(load(["-help", "--config-path=missing.toml"])).toEqual(HELP);
  expect(HELP.kind === "exit" && HELP.code).toBe(0);
  expect(HELP_TEXT).toContain("\nGLOBAL OPTIONS:\n");
  expect(HELP_TEXT).toContain("\n\n   ANYCABLE-GO SERVER:\n\n");
  expect(HELP_TEXT).not.toContain("--node_id");
  expect(HELP_TEXT).not.toContain("--jwt_id_key");
});

test("Help with a word is an error", () => {
  expect(failureOf(["-h", "word"])).toMatchObject({
    stdout: "",
    stderr: "2026/01/15 09:30:00 No help topic for 'word'\n",
  });
});

test("An unknown flag is a usage error, even beside -h, config#4", () => {
  expectUsageError("flag provided but not defined: -nope", ["--nope"]);
  expectUsageError("flag provided but not defined: -nope", ["--nope", "-h"]);
  expectUsageError("flag provided but not defined: -Port", ["--Port=1"]);
});

test("A mistyped flag is answered with the nearest one, after everything else", () => {
  const end = (flag: string) => failureOf([flag]).stdout.split("\n\n").at(-1);

  expect(end("--prot=1")).toBe("Did you mean --port?\n");
  expect(end("--redis-ulr=x")).toBe("Did you mean --redis_url?\n");
  expect(end("--turbo_stream")).toBe("Did you mean --turbo_streams?\n");
  expect(end("--Port=1")).toBe("Did you mean --port?\n");
  expect(end("--zzzzzzzz")).toBe("See the list of options above.\n");
});

test("A bad number is a usage error, config#5", () => {
  const bad = (text: string, cause: string) => `invalid value "${text}" for flag -port: ${cause}`;

  expectUsageError(bad("abc", "parse error"), ["--port=abc", "--print-config"]);
  expectUsageError(bad("", "parse error"), ["--port="]);
  expectUsageError(bad("--debug", "parse error"), ["--port", "--debug"]);
  expectUsageError(bad("1.5", "parse error"), ["--port=1.5"]);
  expectUsageError(bad("1__0", "parse error"), ["--port=1__0"]);
  expectUsageError(bad("08", "parse error"), ["--port=08"]);
  expectUsageError(bad("99999999999999999999", "value out of range"), [
    "--port=99999999999999999999",
  ]);
  expect(failureOf(["--port=abc"]).stdout).toEndWith("Allowed for --port: a whole number.\n");
});

test("Other mistakes of a command line keep the reference's words", () => {
  expectUsageError("flag needs an argument: -port", ["--port"]);
  expectUsageError('invalid boolean value "yes" for -debug: parse error', ["--debug=yes"]);
  expectUsageError('invalid boolean value "" for -debug: parse error', ["--debug="]);
  expectUsageError("bad flag syntax: ---x", ["---x"]);
  expectUsageError("bad flag syntax: --=x", ["--=x"]);
  expectUsageError("Cannot use two forms of the same flag: h help", ["-h", "--help"]);
  expectUsageError("Cannot use two forms of the same flag: v version", ["--version", "-v"]);
  expectUsageError('invalid value "-1" for flag -ws_max_pending_size: parse error', [
    "--ws_max_pending_size=-1",
  ]);
  expectUsageError('invalid value "a\\"\\n\\x01" for flag -port: parse error', ['--port=a"\n\x01']);
});

test("A broken variable is a usage error, also under a flag or -h, config#6", () => {
  const env = { ANYCABLE_PORT: "abc" };
  const message =
    'could not parse "abc" as int value from environment variable "ANYCABLE_PORT" for flag port: strconv.ParseInt: parsing "abc": invalid syntax';

  expectUsageError(message, ["-h"], env);
  expectUsageError(message, ["--port=1"], env);
  expectUsageError(message.replaceAll("abc", " 8080"), [], { ANYCABLE_PORT: " 8080" });
  expectUsageError(
    'could not parse "yes" as bool value from environment variable "ANYCABLE_DEBUG" for flag debug: strconv.ParseBool: parsing "yes": invalid syntax',
    [],
    { ANYCABLE_DEBUG: "yes" },
  );
});

test("One dash or two, = or a space, the last occurrence: all say the same", () => {
  for (const argv of [
    ["--port", "9000"],
    ["-port=9000"],
    ["-port", "9000"],
    ["--port=1", "--port=9000"],
    ["--port=0x2328"],
    ["--port=021450"],
    ["--port=0b10001100101000"],
    ["--port=9_000"],
  ]) {
    expect(settingsOf(argv).server.port).toBe(9000);
  }
});

test("Underscores and dashes in names are interchangeable", () => {
  expect(settingsOf(["--max_conn=3", "--rpc-host=h:1"])).toMatchObject({
    server: { maxConnections: 3 },
    rpc: { host: "h:1" },
  });
});

test("A word ends the flags: --debug false starts in debug mode on the default port, config#9", () => {
  const run = runOf(["--debug", "false", "--port=9", "--print-config"]);

  expect(run.settings.logging).toEqual({ level: "debug", format: "text", isDebugBanner: true });
  expect(run.settings.server.port).toBe(8080);
  expect(runOf(["--", "--port=9"]).settings.server.port).toBe(8080);
});

test("Documented names that the reference does not know are taken too", () => {
  expect(printed(["--cable_ready_streams"]).get("streams.cable_ready")).toBe(true);
  expect(
    printed([], { env: { ANYCABLE_CABLE_READY_STREAMS: "1" } }).get("streams.cable_ready"),
  ).toBe(true);
  expect(
    printed([], { env: { ANYCABLE_POLL_MAX_REQEUEST_SIZE: "9" } }).get("poll.max_request_size"),
  ).toBe(9);
});

test("Lists are split without trimming", () => {
  expect(settingsOf(["--headers=Cookie, X-A", "--path=/a,/b"])).toMatchObject({
    rpc: { headers: ["cookie", " x-a"] },
    ws: { paths: ["/a", "/b"] },
  });
  expect(settingsOf(["--enats_gateways=a:x,y;b:z"]).embeddedNats.gateways).toEqual([
    "a:x,y",
    "b:z",
  ]);
});

test("Integers a number cannot hold become the largest one it can", () => {
  expect(settingsOf(["--ws_max_pending_size=18446744073709551615"]).ws.maxPendingBytes).toBe(
    Number.MAX_SAFE_INTEGER,
  );
});
