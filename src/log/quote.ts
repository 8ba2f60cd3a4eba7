/** Visible ASCII without `"` and `=`: what nearly every value is made of. */
const PLAIN_ASCII = /^[!#-<>-~]+$/;
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u;
const QUOTE_OR_EQUALS = /["=]/;
const TO_ESCAPE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]|["\\]/gu;

const CONTROL = /\p{Cc}/u;
const CONTROLS = /\p{Cc}/gu;

const SHORT_ESCAPES = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
]);

/**
 * A key or value of a text record: as it is, or in double quotes when it is empty or has a blank, `=`, `"`,
 * or a control or invisible character. A backslash, commas, brackets and letters of any script need no quotes.
 *
 *     a"b   →  "a\"b"       a b  →  "a b"       a\b  →  a\b
 *
 * Source: spec "observability", section 6.1.
 */
export function quote(text: string): string {
  if (PLAIN_ASCII.test(text)) return text;
  if (PRINTABLE.test(text) && !QUOTE_OR_EQUALS.test(text)) return text;
  return `"${text.replace(TO_ESCAPE, escapeOf)}"`;
}

/** A message, never quoted: only control characters are escaped, so that a record stays one line. */
export function unbroken(text: string): string {
  return CONTROL.test(text) ? text.replace(CONTROLS, escapeOf) : text;
}

function escapeOf(character: string): string {
  const short = SHORT_ESCAPES.get(character);
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, "0");
}
