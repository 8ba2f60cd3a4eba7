import { parse, type TomlTable } from "smol-toml";

/** One `key = value` or `[header]` of a TOML text. */
interface Statement {
  /** First line, from 1. */
  readonly line: number;
  /** The statement's own first line, without what the header adds. */
  readonly text: string;
  /** What it says, as a tree; `null`: the text ends before it is complete. */
  readonly tree: TomlTable | null;
  /** Path of the table it stands in; of a header, the header itself. */
  readonly table: readonly string[];
}

const KEY = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=/;

/** The line, from 1, on which a value of a valid TOML text is written; the last line of the text when it is not found. */
export function lineOfKey(text: string, path: readonly string[]): number {
  const all = statements(text.split("\n"));
  const found = all.find((one) => one.tree !== null && reaches(one, path));
  return found?.line ?? all.at(-1)?.line ?? 1;
}

/** The dotted key being read when line `line` of a broken text was reached; `null` inside a header or before any key. */
export function lastKey(text: string, line: number): string | null {
  const last = statements(text.split("\n").slice(0, line)).at(-1);
  if (last === undefined || last.text.trimStart().startsWith("[")) return null;
  const key = KEY.exec(last.text)?.[1];
  if (key === undefined) return null;
  return [...last.table, ...key.split(".").map(bare)].join(".");
}

/** Cuts a text into statements by parsing ever more lines until they stand alone. */
function statements(lines: readonly string[]): Statement[] {
  const found: Statement[] = [];
  let table: readonly string[] = [];
  let start = 0;
  for (let end = 1; end <= lines.length; end++) {
    const tree = parsed(lines.slice(start, end).join("\n"));
    if (tree === null && end < lines.length) continue;
    const text = lines[start] ?? "";
    if (tree !== null && text.trimStart().startsWith("[")) table = deepest(tree);
    if (text.trim() !== "" && !text.trimStart().startsWith("#")) {
      found.push({ line: start + 1, text, tree, table });
    }
    start = end;
  }
  return found;
}

function parsed(text: string): TomlTable | null {
  try {
    return parse(text, { integersAsBigInt: true });
  } catch {
    return null; // not a whole statement yet
  }
}

function deepest(tree: TomlTable): string[] {
  const [entry] = Object.entries(tree);
  if (entry === undefined) return [];
  const inner = Array.isArray(entry[1]) ? entry[1][0] : entry[1];
  return [entry[0], ...(isTable(inner) ? deepest(inner) : [])];
}

function reaches(statement: Statement, path: readonly string[]): boolean {
  const isHeader = statement.text.trimStart().startsWith("[");
  const table = isHeader ? [] : statement.table;
  if (!table.every((part, index) => part === path[index])) return false;
  let value: unknown = statement.tree;
  for (const part of path.slice(table.length)) {
    if (!isTable(value) || !Object.hasOwn(value, part)) return false;
    value = value[part];
  }
  return true;
}

function isTable(value: unknown): value is TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function bare(part: string): string {
  return part.trim().replaceAll(/^["']|["']$/g, "");
}
