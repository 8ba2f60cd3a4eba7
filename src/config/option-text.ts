import type { OptionRow, OptionValue, Tag } from "./option-table.ts";
import { quoted } from "./quote.ts";

/** What a text says as the value of an option, or why it says nothing. */
export type TextResult =
  | { readonly ok: true; readonly value: OptionValue }
  | { readonly ok: false; readonly problem: "syntax" | "range" | "item"; readonly detail: string };

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);
const DIGITS =
  /^(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)$/;
const MAX_INT = 2n ** 63n - 1n;
const MAX_UINT = 2n ** 64n - 1n;

/**
 * Reads the value of a flag or variable.
 * Integers may have a base prefix and underscores, a leading 0 means octal; beyond 2^53 they are taken as 2^53 - 1.
 * Lists are split without trimming; of a tag only the text between the first and the second colon is the value.
 */
export function parseOptionText(row: OptionRow, text: string): TextResult {
  switch (row.type) {
    case "string":
      return { ok: true, value: text };
    case "bool":
      return parseBool(text);
    case "int":
      return parseInteger(text, -MAX_INT - 1n, MAX_INT);
    case "uint":
      return parseInteger(text, 0n, MAX_UINT);
    case "list":
      return { ok: true, value: text === "" ? [] : text.split(row.separator ?? ",") };
    case "tags":
      return parseTags(text);
  }
}

/** True when an empty text leaves the option to weaker sources. */
export function isEmptyUnset(row: OptionRow): boolean {
  if (row.isEmptySet === true) return false;
  return row.isEmptyUnset === true || row.type === "list" || row.type === "tags";
}

/** What may be written, for error messages. */
export function allowedText(row: OptionRow): string {
  if (row.values !== undefined) return row.values.join(", ");
  switch (row.type) {
    case "string":
      return "any text";
    case "bool":
      return "true or false";
    case "int":
      return "a whole number";
    case "uint":
      return "a whole number, not negative";
    case "list":
      return `texts separated by "${row.separator ?? ","}"`;
    case "tags":
      return 'name:value pairs separated by ","';
  }
}

function parseBool(text: string): TextResult {
  if (TRUE.has(text)) return { ok: true, value: true };
  if (FALSE.has(text)) return { ok: true, value: false };
  return { ok: false, problem: "syntax", detail: "invalid syntax" };
}

function parseInteger(text: string, min: bigint, max: bigint): TextResult {
  const sign = min < 0n ? (/^[+-]/.exec(text)?.[0] ?? "") : "";
  const digits = text.slice(sign.length);
  if (!DIGITS.test(digits)) return { ok: false, problem: "syntax", detail: "invalid syntax" };
  const magnitude = BigInt(withPrefix(digits.replaceAll("_", "").toLowerCase()));
  const value = sign === "-" ? -magnitude : magnitude;
  if (value < min || value > max) {
    return { ok: false, problem: "range", detail: "value out of range" };
  }
  return { ok: true, value: safeInteger(value) };
}

/** The nearest integer a number holds exactly. */
export function safeInteger(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER;
  if (value < BigInt(Number.MIN_SAFE_INTEGER)) return Number.MIN_SAFE_INTEGER;
  return Number(value);
}

function withPrefix(digits: string): string {
  return /^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits;
}

function parseTags(text: string): TextResult {
  const tags = new Map<string, string>();
  if (text === "") return { ok: true, value: [] };
  for (const item of text.split(",")) {
    const [name, value] = item.split(":");
    if (name === undefined || name === "" || value === undefined) {
      return { ok: false, problem: "item", detail: `${quoted(item)} is not a name:value pair` };
    }
    tags.set(name, value);
  }
  const value: readonly Tag[] = [...tags];
  return { ok: true, value };
}
