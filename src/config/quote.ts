const NAMED: ReadonlyMap<string, string> = new Map([
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
  ['"', '\\"'],
]);

/** A text in double quotes as the reference's messages show it: control characters, quotes and backslashes escaped. */
export function quoted(text: string): string {
  const body = text.replaceAll(/[\p{Cc}\\"]/gu, (char) => NAMED.get(char) ?? hex(char));
  return `"${body}"`;
}

function hex(char: string): string {
  const code = char.charCodeAt(0);
  return code < 0x80
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** A text as a TOML basic string. Source: TOML 1.0, "String". */
export function tomlString(text: string): string {
  return JSON.stringify(text).replaceAll("\x7f", "\\u007f");
}
