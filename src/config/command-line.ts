import type { OptionLayer } from "./option-set.ts";
import { OPTION_TABLE, type OptionKey, type OptionRow, type OptionValue } from "./option-table.ts";
import { allowedText, isEmptyUnset, parseOptionText, type TextResult } from "./option-text.ts";
import { quoted } from "./quote.ts";
import { nearest } from "./suggest.ts";

/** A command line or variable nobody can follow: the reference's text, and a line of help of our own. */
export interface UsageError {
  readonly message: string;
  readonly hint: string;
}

interface Refusal {
  readonly ok: false;
  readonly error: UsageError;
}

/** The options of a command line. */
export type CommandLine =
  | {
      readonly ok: true;
      readonly layer: OptionLayer;
      /** Given without a value: the environment does not count, the file and the default do. */
      readonly emptied: ReadonlySet<OptionKey>;
      /** The first argument that is no flag. */
      readonly word: string | null;
    }
  | Refusal;

type Row = OptionRow & { readonly key: OptionKey };

interface Flag {
  readonly row: Row;
  readonly name: string;
}

const FLAGS = flagsByName();

/**
 * Reads arguments: one or two dashes, `--name=value` or `--name value`, the last occurrence wins.
 * Parsing stops at the first word that is no flag (`word`), a lone `-` or `--`; what follows is ignored.
 * `_` and `-` inside names are interchangeable, case is not. Source: spec "config", section 1.
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const layer = new Map<OptionKey, OptionValue>();
  const emptied = new Set<OptionKey>();
  const names = new Set<string>();
  let index = 0;
  while (isFlag(argv[index])) {
    const found = readFlag(argv, index);
    if (!found.ok) return found;
    const { flag, text } = found;
    const value = parseOptionText(flag.row, text);
    if (!value.ok) return refuse(badValue(flag, text, value), allowed(flag));
    layer.delete(flag.row.key);
    emptied.delete(flag.row.key);
    if (text === "" && isEmptyUnset(flag.row)) emptied.add(flag.row.key);
    else layer.set(flag.row.key, value.value);
    names.add(flag.name);
    index = found.next;
  }
  const word = argv[index] === "--" ? argv[index + 1] : argv[index];
  return twoForms(names) ?? { ok: true, layer, emptied, word: word ?? null };
}

function isFlag(argument: string | undefined): boolean {
  return argument?.startsWith("-") === true && argument !== "-" && argument !== "--";
}

type FoundFlag =
  | { readonly ok: true; readonly flag: Flag; readonly text: string; readonly next: number }
  | Refusal;

function readFlag(argv: readonly string[], index: number): FoundFlag {
  const argument = argv[index] ?? "";
  const body = argument.replace(/^--?/, "");
  if (body === "" || body.startsWith("-") || body.startsWith("=")) {
    return refuse(`bad flag syntax: ${argument}`, "A flag is --name or --name=value.");
  }
  const equals = body.indexOf("=");
  const name = equals < 0 ? body : body.slice(0, equals);
  const row = FLAGS.get(name.replaceAll("-", "_"));
  if (row === undefined) {
    return refuse(`flag provided but not defined: -${name}`, didYouMean(name));
  }
  const flag = { row, name };
  if (equals >= 0) return { ok: true, flag, text: body.slice(equals + 1), next: index + 1 };
  if (row.type === "bool") return { ok: true, flag, text: "true", next: index + 1 };
  const text = argv[index + 1];
  if (text === undefined) return refuse(`flag needs an argument: -${name}`, allowed(flag));
  return { ok: true, flag, text, next: index + 2 };
}

function twoForms(names: ReadonlySet<string>): Refusal | null {
  const twice = OPTION_TABLE.find((row) => names.has(row.flag ?? "") && names.has(row.short ?? ""));
  if (twice === undefined) return null;
  const forms = `${twice.short} ${twice.flag}`;
  return refuse(`Cannot use two forms of the same flag: ${forms}`, "Give one of the two.");
}

function refuse(message: string, hint: string): Refusal {
  return { ok: false, error: { message, hint } };
}

function didYouMean(name: string): string {
  const names = OPTION_TABLE.flatMap((row) => (row.flag === null ? [] : [row.flag]));
  const best = nearest(name, names);
  return best === null ? "See the list of options above." : `Did you mean --${best}?`;
}

function badValue(flag: Flag, text: string, result: TextResult & { readonly ok: false }): string {
  if (flag.row.type === "bool") {
    return `invalid boolean value ${quoted(text)} for -${flag.name}: parse error`;
  }
  const cause = result.problem === "syntax" ? "parse error" : result.detail;
  return `invalid value ${quoted(text)} for flag -${flag.name}: ${cause}`;
}

function allowed(flag: Flag): string {
  return `Allowed for --${flag.name}: ${allowedText(flag.row)}.`;
}

function flagsByName(): ReadonlyMap<string, Row> {
  const flags = new Map<string, Row>();
  for (const row of OPTION_TABLE) {
    for (const name of [row.flag, row.short, ...(row.aliases ?? [])]) {
      if (name !== null && name !== undefined) flags.set(name.replaceAll("-", "_"), row);
    }
  }
  return flags;
}
