import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { freePort } from "../../support/cableway.ts";

const ROOT = join(import.meta.dirname, "../../..");

test("Ctrl-C in the terminal of `make run` is one signal for the server: it ends gracefully", async () => {
  const ports = [
    `--port=${await freePort("127.0.0.1")}`,
    `--http_broadcast_port=${await freePort("127.0.0.1")}`,
  ];
  const run = spawn(process.execPath, ["scripts/run.ts", "--host=127.0.0.1", ...ports], {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  const exit = new Promise<number | null>((resolve) => run.on("close", resolve));
  const isServing = new Promise<void>((resolve) => {
    run.stdout.on("data", (data) => {
      output += data;
      if (output.includes("Handle API requests")) resolve();
    });
  });
  await isServing;

  // A terminal signals everybody in its process group.
  if (run.pid !== undefined) process.kill(-run.pid, "SIGINT");

  expect(await exit).toBe(0);
  expect(output.split("Shutting down...")).toHaveLength(2);
  expect(output).not.toContain("Immediate termination requested");
});
