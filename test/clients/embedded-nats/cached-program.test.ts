import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyToCache } from "../../../src/clients/embedded-nats/cached-program.ts";

const PROGRAM = Buffer.from("#!/bin/sh\necho hello\n");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cableway-cache-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("copyToCache makes a private folder with an executable in it and uses it again", () => {
  const cache = join(folder, "deep", "cache");

  const path = copyToCache(PROGRAM, cache);

  expect(Bun.spawnSync([path]).stdout.toString()).toBe("hello\n");
  expect(statSync(cache).mode & 0o777).toBe(0o700);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  const { mtimeMs } = statSync(path);
  expect(copyToCache(PROGRAM, cache)).toBe(path);
  expect(statSync(path).mtimeMs).toBe(mtimeMs);
  expect(readdirSync(cache)).toHaveLength(1);
});

test("copyToCache replaces a file whose content is not what this build has inside", () => {
  const path = copyToCache(PROGRAM, folder);
  writeFileSync(path, "#!/bin/sh\necho evil\n");

  copyToCache(PROGRAM, folder);

  expect(readFileSync(path)).toEqual(PROGRAM);
});

test("copyToCache refuses a folder that others may write into, and a path that is none", () => {
  const open = join(folder, "open");
  mkdirSync(open);
  chmodSync(open, 0o777);
  writeFileSync(join(folder, "file"), "");

  expect(() => copyToCache(PROGRAM, open)).toThrow("others may write into the folder");
  expect(() => copyToCache(PROGRAM, join(folder, "file"))).toThrow("cannot be put into");
});
