import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServerProcess } from "../../../src/clients/embedded-nats/server-process.ts";
import { CLOCK, codeOf } from "../../support/nats-server.ts";
import { rejection } from "../../support/rejection.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cableway-process-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a shell script in place of nats-server. */
function run(script: string, readyTimeoutMs = 5000): ServerProcess {
  const program = join(mkdtempSync(join(folder, "run-")), "program");
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o700);
  return start(program, readyTimeoutMs);
}

function start(program: string, readyTimeoutMs: number): ServerProcess {
  const address = { host: "127.0.0.1", port: 1 };
  const plan = { address, serverName: "n1", readyLines: ["Server is ready"] };
  return new ServerProcess(
    { program, configPath: "/dev/null", plan, readyTimeoutMs },
    { clock: CLOCK, onLine: () => undefined },
  );
}

test("ServerProcess ends with the server's last words", async () => {
  const fatal = run('echo "[1] [INF] Starting" >&2; echo "[1] [FTL] no disk" >&2; exit 1');
  const config = run('echo "nats-server: /proc/7/fd/7:1:0: no name" >&2; exit 1');

  expect(await rejection(fatal.ready())).toBe("no disk");
  expect(await rejection(config.ready())).toBe("nats-server: no name");
});

test("ServerProcess tells the exit code or the signal of a server that said nothing", async () => {
  expect(await rejection(run("exit 3").ready())).toBe("it ended with exit code 3");
  expect(await rejection(run("kill -9 $$").ready())).toBe("it was ended by SIGKILL");
});

test("ServerProcess ends a server that does not get ready", async () => {
  const server = run("exec sleep 60", 100);

  expect(await rejection(server.ready())).toBe("it was not ready within 0.1 seconds");
  expect(await server.ended).toBe("it was ended by SIGKILL");
});

test("ServerProcess does not take a server for ready that says so and takes no connections", async () => {
  const server = run('echo "[1] [INF] Server is ready" >&2; exec sleep 60', 300);

  expect(await rejection(server.ready())).toBe("it was not ready within 0.3 seconds");
});

test("ServerProcess tells a program that cannot be executed from one that fails", async () => {
  const failing = run("exit 1");
  const noProgram = join(folder, "nothing");

  expect(await codeOf(() => failing.ready())).toBe("embedded_nats_failed");
  expect(await codeOf(() => start(noProgram, 5000).ready())).toBe("embedded_nats_exec_failed");
});

test("ServerProcess is in a process group of its own and has none of our variables", async () => {
  const server = run(
    'echo "[1] [FTL] $(ps -o pgid= -p $$) $$ $(printenv HOME || echo none)" >&2; exit 1',
  );

  const [group, pid, home] = (await rejection(server.ready())).trim().split(/\s+/);

  expect([group, home]).toEqual([pid, "none"]);
});
