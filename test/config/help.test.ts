import { expect, test } from "bun:test";
import { helpText } from "../../src/config/help.ts";
import REFERENCE from "./fixtures/reference-options.json" with { type: "json" };

interface Entry {
  readonly category: string | null;
  readonly line: string;
}

const HELP = helpText();
const ENTRIES = entries();

function entries(): Entry[] {
  let category: string | null = null;
  const found: Entry[] = [];
  for (const line of (HELP.split("GLOBAL OPTIONS:\n")[1] ?? "").split("\n")) {
    const heading = /^ {3}([A-Z][^-]*(?:-GO SERVER|-SENT EVENTS)?):$/.exec(line);
    if (heading?.[1] !== undefined) category = heading[1];
    else if (line !== "") found.push({ category, line });
  }
  return found;
}

test("Help shows the line of the port with default and variables, config#3", () => {
  expect(HELP).toMatch(/^ {3}--port value +\S.* \(default: 8080\) \[\$ANYCABLE_PORT, \$PORT\]$/m);
});

test("Headings are sorted with their colon, so REDIS X comes before REDIS, config#3", () => {
  const headings = [...new Set(ENTRIES.map((entry) => entry.category))].slice(1);

  expect(headings.map((name) => `${name}:`)).toEqual(headings.map((name) => `${name}:`).sort());
  expect(HELP.indexOf("   REDIS X BROADCAST:\n")).toBeLessThan(HELP.indexOf("   REDIS:\n"));
});

test("Help ends with an empty line", () => {
  expect(HELP).toEndWith("]\n\n");
});

test("Every option of the reference is listed once, hidden ones are not, config#39", () => {
  for (const option of REFERENCE.filter((one) => one.pro !== true)) {
    const own = new RegExp(`^ {3}${option.flag}(,| |$)`);
    const found = ENTRIES.filter((entry) => own.test(entry.line));

    expect([option.flag, found.length]).toEqual([option.flag, option.hidden ? 0 : 1]);
    const entry = found[0];
    if (entry === undefined) continue;
    expect([option.flag, entry.category]).toEqual([option.flag, option.category]);
    expect(entry.line).toMatch(expectedLine(option));
  }
});

test("Lines of a category are sorted and their texts begin in one column, config#39", () => {
  for (const category of new Set(ENTRIES.map((entry) => entry.category))) {
    const lines = ENTRIES.filter((entry) => entry.category === category).map(({ line }) => line);
    const names = lines.map((line) => /^ {3}(--\S+(?:, -\w)?(?: value)?)/.exec(line)?.[1] ?? "");
    const column = 3 + Math.max(...names.map((name) => name.length)) + 2;

    expect(lines).toEqual(lines.toSorted());
    for (const line of lines) expect(line.slice(column - 2, column + 1)).toMatch(/^ {2}\S$/);
  }
});

function expectedLine(option: (typeof REFERENCE)[number]): RegExp {
  const value = option.type === "bool" ? "" : " value";
  const short = { "--help": ", -h", "--version": ", -v" }[option.flag] ?? "";
  const shown =
    option.default === "" || short !== "" ? "" : ` (default: ${JSON.stringify(option.default)})`;
  const variables =
    option.env.length === 0 ? "" : ` [${option.env.map((name) => `$${name}`).join(", ")}]`;
  const literal = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  const name = `${option.flag}${short}${value}`;
  return new RegExp(
    `^ {3}${literal(name)} {2,}\\S(?:(?! \\(default: | \\[\\$).)*${literal(shown + variables)}$`,
  );
}
