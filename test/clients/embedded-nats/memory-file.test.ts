import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInFolder } from "../../../src/clients/embedded-nats/config-file.ts";
import { createMemoryFile } from "../../../src/clients/embedded-nats/memory-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cableway-memory-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("createMemoryFile makes a file that others can read and execute until it is closed", async () => {
  const file = await createMemoryFile("hello", Buffer.from("#!/bin/sh\necho hello\n"));
  if (file === null) throw new Error("this system has no memory files");

  expect(Bun.spawnSync([file.path]).stdout.toString()).toBe("hello\n");
  expect(Bun.spawnSync(["cat", file.path]).stdout.toString()).toBe("#!/bin/sh\necho hello\n");
  file.close();
  expect(existsSync(file.path)).toBe(false);
});

test("createInFolder writes a configuration that only this user can read, and removes it whole", () => {
  const file = createInFolder("port: 4222", folder);

  expect(readFileSync(file.path, "utf8")).toBe("port: 4222");
  expect(statSync(file.path).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(file.path)).mode & 0o777).toBe(0o700);
  file.remove();
  expect(readdirSync(folder)).toEqual([]);
});

test("createInFolder says where it could not write", () => {
  expect(() => createInFolder("port: 4222", "/proc/nowhere")).toThrow(
    /^its configuration cannot be written: .*\/proc\/nowhere/,
  );
});
