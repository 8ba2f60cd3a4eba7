import { OPTION_TABLE, type OptionRow } from "./option-table.ts";
import { quoted } from "./quote.ts";
import { VERSION } from "./version.ts";

/** The text of `--help`, ends with an empty line. Source: spec "config", section 1.2. */
export function helpText(): string {
  const head = [
    "NAME:",
    "   anycable-go - Cableway, a real-time server that takes the place of anycable-go",
    "",
    "USAGE:",
    "   anycable-go [global options]",
    "",
    "VERSION:",
    `   ${VERSION}`,
    "",
    "GLOBAL OPTIONS:",
  ];
  const sections = categories().map(([category, rows]) =>
    category === null ? [...entries(rows), ""] : [heading(category), "", ...entries(rows), ""],
  );
  return `${[...head, ...sections.flat()].join("\n")}\n`;
}

function categories(): [string | null, OptionRow[]][] {
  const groups = new Map<string | null, OptionRow[]>();
  for (const row of OPTION_TABLE) {
    if (row.flag === null || row.isHidden === true) continue;
    groups.set(row.category, [...(groups.get(row.category) ?? []), row]);
  }
  return [...groups].sort(([a], [b]) => byBytes(heading(a), heading(b)));
}

function heading(category: string | null): string {
  return category === null ? "" : `   ${category}:`;
}

function entries(rows: readonly OptionRow[]): string[] {
  const width = Math.max(...rows.map((row) => nameOf(row).length)) + 2;
  return rows
    .map((row) => `   ${nameOf(row).padEnd(width)}${row.usage}${defaultOf(row)}${variables(row)}`)
    .sort(byBytes);
}

function nameOf(row: OptionRow): string {
  const short = row.short === undefined ? "" : `, -${row.short}`;
  return `--${row.flag}${short}${row.type === "bool" ? "" : " value"}`;
}

function defaultOf(row: OptionRow): string {
  const text = defaultShown(row);
  return text === "" ? "" : ` (default: ${text})`;
}

function defaultShown(row: OptionRow): string {
  if (row.short !== undefined) return "";
  if (typeof row.default === "number" || typeof row.default === "boolean") {
    return String(row.default);
  }
  if (typeof row.default === "string") return row.default === "" ? "" : quoted(row.default);
  if (row.defaultText !== undefined || row.default.length === 0) return "";
  return quoted(row.default.join(","));
}

function variables(row: OptionRow): string {
  return row.env.length === 0 ? "" : ` [${row.env.map((name) => `$${name}`).join(", ")}]`;
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
