import { expect, test } from "bun:test";
import { join } from "node:path";
import { breaches, importsOf, type SourceTree } from "./support/architecture.ts";

const ROOT = join(import.meta.dir, "..");

async function readSources(): Promise<SourceTree> {
  const tree = new Map<string, string>();
  for await (const path of new Bun.Glob("src/**/*.{ts,js}").scan(ROOT)) {
    tree.set(path, await Bun.file(join(ROOT, path)).text());
  }
  return tree;
}

/** A tree of empty files, and one that imports. */
function tree(path: string, imported: string, ...others: string[]): SourceTree {
  const empty = others.map((other) => [other, ""] as const);
  return new Map([...empty, [path, `import type { X } from "${imported}";\n`]]);
}

test("The sources keep to the map: who imports whom, no cycles, no barrels", async () => {
  const sources = await readSources();

  expect(sources.size).toBeGreaterThan(50);
  expect(breaches(sources)).toEqual([]);
});

test("The map sees imports of every form, and no other text", () => {
  const source = `
import { a } from "./a.ts";
import type { B } from "./b.ts";
import {
  type C,
  c as d,
} from "./c.ts";
import * as d from './d.ts';
import "./e.ts";
import f, { g } from "./f.ts";
import file from "./g.bin" with { type: "file" };
export { h } from "./h.ts";
export type { I } from "./i.ts";
export * from "./j.ts";
const k = await import("./k.ts");
type L = typeof import("./l.ts");
export const text = 'import { x } from "./text.ts"';
/**
 * import { y } from "./docstring.ts"
 */
`;

  const letters = [...importsOf(source)].map((specifier) => specifier.slice(2, 3));
  expect(letters.join("")).toBe("abcdefghijkl");
});

test.each([
  ["src/messages/a.ts", "../ports/b.ts", "src/ports/b.ts", "messages may not import ports"],
  ["src/ports/a.ts", "../core/hub/b.ts", "src/core/hub/b.ts", "ports may not import core/hub"],
  [
    "src/core/hub/a.ts",
    "../session/b.ts",
    "src/core/session/b.ts",
    "core/hub may not import core/session",
  ],
  [
    "src/core/node/a.ts",
    "../../clients/b.ts",
    "src/clients/b.ts",
    "core/node may not import clients",
  ],
  [
    "src/transports/a.ts",
    "../clients/b.ts",
    "src/clients/b.ts",
    "transports may not import clients",
  ],
  ["src/protocols/a.ts", "../clients/b.ts", "src/clients/b.ts", "protocols may not import clients"],
  [
    "src/controllers/a.ts",
    "../clients/b.ts",
    "src/clients/b.ts",
    "controllers may not import clients",
  ],
  ["src/config/a.ts", "../ports/b.ts", "src/ports/b.ts", "config may not import ports"],
  ["src/main.ts", "./log/b.ts", "src/log/b.ts", "main may not import log"],
  ["src/stray/a.ts", "../ports/b.ts", "src/ports/b.ts", "stray is no room of the map"],
  [
    "src/transports/sse/a.ts",
    "../websocket/b.ts",
    "src/transports/websocket/b.ts",
    "members of a family do not import each other",
  ],
  ["src/log/a.ts", "./missing", null, "no such file, imports name it in full"],
  ["src/log/a.ts", "./missing.ts", null, "no such file, imports name it in full"],
  ["src/log/a.ts", "../../test/support/b.ts", null, "the product does not know its tests"],
  [
    "src/core/node/a.ts",
    "../../../protos/gen/rpc_pb.js",
    null,
    "generated code is for src/controllers/rpc/ and src/protocols/actioncable/",
  ],
])("The map refuses %s an import of %s", (path, imported, target, reason) => {
  const found = breaches(tree(path, imported, ...(target === null ? [] : [target])));

  expect(found.length).toBe(1);
  expect(found[0]).toEndWith(`: ${reason}`);
});

test.each([
  ["src/app/a.ts", "../clients/b.ts", "src/clients/b.ts"],
  ["src/core/node/a.ts", "../hub/b.ts", "src/core/hub/b.ts"],
  ["src/pubsub/redis.ts", "../clients/redis/b.ts", "src/clients/redis/b.ts"],
  ["src/transports/sse/a.ts", "../b.ts", "src/transports/b.ts"],
  ["src/transports/sse/a.ts", "./b.ts", "src/transports/sse/b.ts"],
  ["src/controllers/rpc/a.ts", "../../../protos/gen/rpc_pb.js", "src/messages/b.ts"],
  ["src/config/a.ts", "../../package.json", "src/messages/b.ts"],
])("The map lets %s import %s", (path, imported, target) => {
  expect(breaches(tree(path, imported, target))).toEqual([]);
});

test("The map refuses barrels and cycles", () => {
  const sources = new Map([
    ["src/log/index.ts", ""],
    ["src/log/a.ts", 'import { b } from "./b.ts";\n'],
    ["src/log/b.ts", 'import { c } from "./c.ts";\n'],
    ["src/log/c.ts", 'import type { B } from "./b.ts";\n'],
  ]);

  expect(breaches(sources)).toEqual([
    "src/log/index.ts: barrels are not allowed",
    "src/log/b.ts → src/log/c.ts → src/log/b.ts: a cycle",
  ]);
});
