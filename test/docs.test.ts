import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { variablesOf } from "../src/config/environment.ts";
import { NOT_BUILT_YET } from "../src/config/not-built-yet.ts";
import { DEFAULTS } from "../src/config/option-set.ts";
import { OPTION_TABLE, type OptionKey, type OptionRow } from "../src/config/option-table.ts";

const ROOT = join(import.meta.dir, "..");

/** Flags of other programs in our examples. */
const FOREIGN_FLAGS = new Set([
  ...["against", "binary", "identifier", "json", "pid", "publish", "publish-key", "url"], // bench/run.ts
  ...["now", "tag"], // systemctl, docker
]);

/** Variables that are no option: read elsewhere, or accepted without effect. */
const OTHER_VARIABLES = new Set(["ANYCABLE_DISABLE_TELEMETRY", "ANYCABLE_MEMORY_METRICS"]);

const PAGES = ["README.md", "CHANGELOG.md", "deploy/*.md", "deploy/*.service", "docs/*.md"]
  .flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(ROOT)])
  .sort()
  .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));

const OPTION_FLAGS = new Set(
  OPTION_TABLE.flatMap((row) => (row.flag === null ? [] : [row.flag, ...(row.aliases ?? [])])),
);

test("Pages link files that are there", () => {
  const dead = PAGES.flatMap(({ path, text }) =>
    linksOf(text)
      .filter(({ file }) => file !== "" && !existsSync(join(ROOT, dirname(path), file)))
      .map(({ file }) => `${path} → ${file}`),
  );

  expect(PAGES.length).toBeGreaterThan(10);
  expect(dead).toEqual([]);
});

test("Pages link headings that are there", () => {
  const dead = PAGES.flatMap(({ path, text }) =>
    linksOf(text)
      .filter(({ file, heading }) => heading !== "" && !headingsOf(path, file).has(heading))
      .map(({ file, heading }) => `${path} → ${file}#${heading}`),
  );

  expect(dead).toEqual([]);
});

test("Pages name flags that the server has", () => {
  const named = PAGES.flatMap(({ path, text }) =>
    flagsOf(text).map((flag) => ({ path, flag: `--${flag}`, name: flag })),
  );
  const unknown = named.filter(({ name }) => !OPTION_FLAGS.has(name) && !FOREIGN_FLAGS.has(name));

  expect(named.length).toBeGreaterThan(100);
  expect(unknown.map(({ path, flag }) => `${path}: ${flag}`)).toEqual([]);
});

test("Pages name variables that the server reads", () => {
  const known = new Set([...OPTION_TABLE.flatMap(variablesOf), ...OTHER_VARIABLES]);
  const named = PAGES.flatMap(({ path, text }) =>
    [...text.matchAll(/\bANYCABLE_[A-Z_]+\b/g)].map(([name]) => ({ path, name })),
  );

  expect(named.length).toBeGreaterThan(100);
  expect(named.filter(({ name }) => !known.has(name))).toEqual([]);
});

test("README is linked to every page of docs", () => {
  const readme = PAGES.find(({ path }) => path === "README.md")?.text ?? "";
  const linked = new Set(linksOf(readme).map(({ file }) => file));
  const pages = PAGES.map(({ path }) => path).filter((path) => path.startsWith("docs/"));

  expect(pages.filter((page) => !linked.has(page))).toEqual([]);
});

test("README lists the options that src/config/not-built-yet.ts refuses, and no other", () => {
  const refused = NOT_BUILT_YET.map(({ option }) => rowOf(option)?.flag ?? option);

  expect(new Set(flagsOf(notBuiltSection()))).toEqual(new Set(refused));
});

test("README lists the values of options that src/config/not-built-yet.ts refuses, and no other", () => {
  const refused = NOT_BUILT_YET.flatMap(({ option, isOn }) => {
    const row = rowOf(option);
    const values = row?.values ?? [];
    return values
      .filter((value) => isOn({ ...DEFAULTS, [option]: row?.type === "list" ? [value] : value }))
      .map((value) => `--${row?.flag}=${value}`);
  });

  const listed = [...notBuiltSection().matchAll(/--[a-z_]+=[a-z]+/g)].map(([value]) => value);
  expect(listed.sort()).toEqual(refused.sort());
});

test("deno.json has the dependencies of package.json, in the same versions", () => {
  const { imports } = readJson("deno.json") as { imports: Record<string, string> };
  const { dependencies } = readJson("package.json") as { dependencies: Record<string, string> };
  const packages = Object.entries(imports).filter(([name]) => !name.startsWith("."));

  expect(packages).toEqual(
    Object.entries(dependencies).map(([name, version]) => [name, `npm:${name}@${version}`]),
  );
});

test("deno.json names tasks that the Makefile has", () => {
  const { tasks } = readJson("deno.json") as { tasks: Record<string, string> };
  const makefile = readFileSync(join(ROOT, "Makefile"), "utf8");
  const made = Object.values(tasks).filter((command) => command.startsWith("make "));

  expect(made).toEqual(["make run", "make build", "make test", "make ok", "make bench"]);
  for (const command of made) expect(makefile).toMatch(new RegExp(`^${command.slice(5)}:`, "m"));
});

function notBuiltSection(): string {
  const readme = PAGES.find(({ path }) => path === "README.md")?.text ?? "";
  return /\n## Not built yet\n([\s\S]*?)\n## /.exec(readme)?.[1] ?? "";
}

function rowOf(option: OptionKey): OptionRow | undefined {
  return OPTION_TABLE.find(({ key }) => key === option);
}

/** Relative links; `file` is empty for one within the page. */
function linksOf(text: string): { readonly file: string; readonly heading: string }[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = "", heading = ""] = target.split("#");
      return { file, heading };
    });
}

/** Anchors of a page's headings, as code hosts make them. */
function headingsOf(from: string, file: string): ReadonlySet<string> {
  const target = file === "" ? from : relative(ROOT, join(ROOT, dirname(from), file));
  const text = PAGES.find(({ path }) => path === target)?.text ?? "";
  return new Set(
    [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

function flagsOf(text: string): string[] {
  return [...text.matchAll(/(?<![\w-])--([a-z][a-z0-9_-]*)/g)].map(([, name = ""]) => name);
}

/** Fenced and indented blocks hold examples, not links and headings. */
function withoutCode(text: string): string {
  return text.replace(/^ *```[\s\S]*?^ *```/gm, "").replace(/^ {4}.*$/gm, "");
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, path), "utf8"));
}
