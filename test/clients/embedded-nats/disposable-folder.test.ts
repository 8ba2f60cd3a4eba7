import { expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claimFolder } from "../../../src/clients/embedded-nats/disposable-folder.ts";

test("claimFolder removes folders of dead processes, and no others", async () => {
  const parent = mkdtempSync(join(tmpdir(), "cableway-folders-"));
  const make = (name: string, owner: string | null): void => {
    mkdirSync(join(parent, name, "jetstream"), { recursive: true });
    if (owner !== null) writeFileSync(join(parent, name, "owner"), owner);
  };
  const ours = readlinkSync("/proc/self/ns/pid");
  const ended = Bun.spawn(["true"]);
  await ended.exited;
  make("dead", `${ours} ${ended.pid}`);
  make("alive", `${ours} ${process.ppid}`);
  make("elsewhere", `pid:[1] ${ended.pid}`);
  make("odd", "x");
  make("n1", null);

  claimFolder(join(parent, "new"));

  expect(readdirSync(parent).toSorted()).toEqual(["alive", "elsewhere", "n1", "new", "odd"]);
  expect(readFileSync(join(parent, "new/owner"), "utf8")).toBe(`${ours} ${process.pid}`);
  rmSync(parent, { recursive: true });
});

test("claimFolder does not mind a folder that cannot be made", () => {
  expect(() => claimFolder("/proc/nowhere/x")).not.toThrow();
});
