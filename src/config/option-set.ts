import { OPTION_TABLE, type OptionKey, type Options, type OptionValue } from "./option-table.ts";

/** Values from one source, by option. */
export type OptionLayer = ReadonlyMap<OptionKey, OptionValue>;

/** Who gave an option its value; absent: nobody, the default stands. */
export type OptionOrigins = ReadonlyMap<OptionKey, "file" | "environment" | "flag">;

/** Options while they are being worked out. */
export type OpenOptions = { -readonly [Key in OptionKey]: Options[Key] };

/** The built-in default of every option. */
export const DEFAULTS: Options = defaults();

/** The defaults, overlaid by layers from the weakest to the strongest; a value replaces the whole weaker one. */
export function overlay(layers: readonly OptionLayer[]): OpenOptions {
  return withValues(
    DEFAULTS,
    layers.flatMap((layer) => [...layer]),
  );
}

/** True when two values of an option are the same, lists item by item. */
export function isSameValue(a: OptionValue, b: OptionValue): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** True when an option still has the value it would have if nobody had said anything. */
export function isDefault(options: Options, key: OptionKey): boolean {
  return isSameValue(options[key], DEFAULTS[key]);
}

function defaults(): Options {
  return withValues(
    {},
    OPTION_TABLE.map((row): [OptionKey, OptionValue] => [row.key, row.default]),
  );
}

function withValues(
  base: Partial<Options>,
  values: readonly (readonly [OptionKey, OptionValue])[],
): OpenOptions {
  // The cast holds: the defaults come from the table whole, and every layer's value was parsed as its row's type.
  return { ...base, ...Object.fromEntries(values) } as OpenOptions;
}
