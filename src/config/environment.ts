import type { UsageError } from "./command-line.ts";
import type { OptionLayer } from "./option-set.ts";
import { OPTION_TABLE, type OptionKey, type OptionRow, type OptionValue } from "./option-table.ts";
import { allowedText, isEmptyUnset, parseOptionText } from "./option-text.ts";
import { quoted } from "./quote.ts";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The options of the environment. */
export type EnvironmentOptions =
  | { readonly ok: true; readonly layer: OptionLayer }
  | { readonly ok: false; readonly error: UsageError };

/**
 * Reads every option's variables in table order; of several the first that exists wins, even when empty.
 * An empty value is `false` for a bool, not given for an integer or list, and an empty text otherwise.
 * A broken value is an error even where a flag overrides it. Source: spec "config", section 2.
 */
export function readEnvironment(env: Environment): EnvironmentOptions {
  const layer = new Map<OptionKey, OptionValue>();
  for (const row of OPTION_TABLE) {
    const variable = variablesOf(row).find((name) => env[name] !== undefined);
    const text = variable === undefined ? undefined : env[variable];
    if (variable === undefined || text === undefined || isUnset(row, text)) continue;
    const value = parseOptionText(row, row.type === "bool" && text === "" ? "false" : text);
    if (!value.ok) return { ok: false, error: badVariable(row, variable, text, value.detail) };
    layer.set(row.key, value.value);
  }
  return { ok: true, layer };
}

/** All variables an option is read from, the shown ones first. */
export function variablesOf(row: OptionRow): readonly string[] {
  const aliases = (row.aliases ?? []).map((alias) => `ANYCABLE_${alias.toUpperCase()}`);
  return [...row.env, ...(row.hiddenEnv ?? []), ...aliases];
}

function isUnset(row: OptionRow, text: string): boolean {
  return text === "" && (row.type === "int" || row.type === "uint" || isEmptyUnset(row));
}

function badVariable(row: OptionRow, variable: string, text: string, detail: string): UsageError {
  const cause =
    row.type === "tags" ? detail : `${parserOf(row)}: parsing ${quoted(text)}: ${detail}`;
  return {
    message: `could not parse ${quoted(text)} as ${typeOf(row)} value from environment variable ${quoted(variable)} for flag ${row.flag}: ${cause}`,
    hint: `Allowed for ${variable}: ${allowedText(row)}.`,
  };
}

function typeOf(row: OptionRow): string {
  return row.type === "uint" ? "uint64" : row.type;
}

function parserOf(row: OptionRow): string {
  if (row.type === "bool") return "strconv.ParseBool";
  return row.type === "uint" ? "strconv.ParseUint" : "strconv.ParseInt";
}
