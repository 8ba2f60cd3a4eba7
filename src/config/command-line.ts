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

/** The options of a command line. */
export type CommandLine =
  | { readonly ok: true; readonly layer: OptionLayer; readonly word: string | null }
  | { readonly ok: false; readonly error: UsageError };

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
  const forms = new Map<OptionKey, string>();
  let index = 0;
  for (; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    if (!argument.startsWith("-") || argument === "-") break;
    if (argument === "--") return finish(layer, forms, argv[index + 1]);
    const found = findFlag(argument);
    if (!found.ok) return found;
    const { flag } = found;
    let text = found.text;
    if (text === undefined) {
      if (flag.row.type === "bool") text = "true";
      else text = argv[++index];
    }
    if (text === undefined) {
      return refuse(
        `flag needs an argument: -${flag.name}`,
        `Allowed for --${flag.name}: ${allowedText(flag.row)}.`,
      );
    }
    const value = parseOptionText(flag.row, text);
    if (!value.ok) return refuse(badValue(flag, text, value), allowed(flag));
    if (text === "" && isEmptyUnset(flag.row)) layer.delete(flag.row.key);
    else layer.set(flag.row.key, value.value);
    const twoForms = noteForm(forms, flag);
    if (twoForms !== null) forms.set(flag.row.key, twoForms);
  }
  return finish(layer, forms, argv[index]);
}

function finish(
  layer: OptionLayer,
  forms: ReadonlyMap<OptionKey, string>,
  word: string | undefined,
): CommandLine {
  for (const form of forms.values()) {
    if (form.includes(" ")) {
      return refuse(`Cannot use two forms of the same flag: ${form}`, "Give one of the two.");
    }
  }
  return { ok: true, layer, word: word ?? null };
}

function findFlag(
  argument: string,
):
  | { readonly ok: true; readonly flag: Flag; readonly text: string | undefined }
  | { readonly ok: false; readonly error: UsageError } {
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
  return { ok: true, flag: { row, name }, text: equals < 0 ? undefined : body.slice(equals + 1) };
}

function refuse(message: string, hint: string): { readonly ok: false; readonly error: UsageError } {
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

function noteForm(forms: ReadonlyMap<OptionKey, string>, flag: Flag): string | null {
  if (flag.row.short === undefined) return null;
  const before = forms.get(flag.row.key);
  if (before === undefined) return flag.name;
  return before === flag.name ? null : `${flag.row.short} ${flag.row.flag}`;
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
