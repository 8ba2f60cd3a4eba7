import { TomlDate } from "smol-toml";
import type { OptionTypes, OptionValue, Tag } from "./option-table.ts";
import { safeInteger } from "./option-text.ts";

/** A TOML value that does not fit its option, in the reference's words. */
export interface Mismatch {
  readonly ok: false;
  readonly text: string;
  /** The member that is meant, of a table. */
  readonly member?: string;
}

/** A TOML value as the value of an option. */
export type Converted = { readonly ok: true; readonly value: OptionValue } | Mismatch;

const DESTINATIONS: { readonly [Type in keyof OptionTypes]: string } = {
  string: "string",
  bool: "boolean",
  int: "integer",
  uint: "integer",
  list: "slice",
  tags: "map",
};

/** Fits a parsed TOML value (integers as bigint) to an option's type; nothing is converted between types. */
export function convert(type: keyof OptionTypes, value: unknown): Converted {
  switch (type) {
    case "string":
      return typeof value === "string" ? { ok: true, value } : mismatch(value, type);
    case "bool":
      return typeof value === "boolean" ? { ok: true, value } : mismatch(value, type);
    case "int":
      return typeof value === "bigint" ? convertInteger(value) : mismatch(value, type);
    case "uint":
      return convertUnsigned(value);
    case "list":
      return convertList(value);
    case "tags":
      return convertTags(value);
  }
}

/** The reference's word for the type of a TOML value. */
export function typeWord(value: unknown): string {
  if (typeof value === "bigint") return "int64";
  if (typeof value === "number") return "float64";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "string";
  if (value instanceof TomlDate) return "time.Time";
  return Array.isArray(value) ? "[]any" : "map[string]any";
}

function mismatch(value: unknown, type: keyof OptionTypes): Mismatch {
  return {
    ok: false,
    text: `incompatible types: TOML value has type ${typeWord(value)}; destination has type ${DESTINATIONS[type]}`,
  };
}

function convertInteger(value: bigint): Converted {
  if (BigInt.asIntN(64, value) === value) return { ok: true, value: safeInteger(value) };
  return { ok: false, text: `${value} is out of range, allowed is what fits into 64 bits` };
}

function convertUnsigned(value: unknown): Converted {
  if (typeof value !== "bigint") return mismatch(value, "uint");
  if (value < 0n) return { ok: false, text: `${value} is negative, allowed is 0 or more` };
  return convertInteger(value);
}

function convertList(value: unknown): Converted {
  if (!Array.isArray(value)) return mismatch(value, "list");
  const items: string[] = [];
  for (const item of value as unknown[]) {
    if (typeof item !== "string") return mismatch(item, "string");
    items.push(item);
  }
  const isEmpty = items.length === 1 && items[0] === "";
  return { ok: true, value: isEmpty ? [] : items };
}

function convertTags(value: unknown): Converted {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return mismatch(value, "tags");
  }
  if (value instanceof TomlDate) return mismatch(value, "tags");
  const tags: Tag[] = [];
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== "string") return { ...mismatch(text, "string"), member: name };
    if (name === "") return { ok: false, text: "a tag needs a name", member: name };
    tags.push([name, text]);
  }
  return { ok: true, value: tags };
}
