const MAX_DEPTH = 100;

/**
 * The same JSON value with the keys of every object in ascending order and no blanks; numbers keep their digits.
 * Text that is no JSON, or nested deeper than 100 levels, comes back as it is.
 *
 *     {"z":1,"a":{"y":2,"b":3}} → {"a":{"b":3,"y":2},"z":1}
 */
export function sortedJson(text: string): string {
  try {
    return write(JSON.parse(text, keepDigits), 0) ?? text;
  } catch {
    // Not JSON: a promise of this function, not a failure.
    return text;
  }
}

/** Boxes a number together with its digits: what exceeds a double must survive. */
function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === "number" ? new Digits(context?.source ?? String(value)) : value;
}

class Digits {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** @returns null when the value is nested too deep */
function write(value: unknown, depth: number): string | null {
  if (value instanceof Digits) return value.text;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (depth === MAX_DEPTH) return null;
  return Array.isArray(value) ? writeArray(value, depth + 1) : writeObject(value, depth + 1);
}

function writeArray(items: readonly unknown[], depth: number): string | null {
  const texts: string[] = [];
  for (const item of items) {
    const text = write(item, depth);
    if (text === null) return null;
    texts.push(text);
  }
  return `[${texts.join(",")}]`;
}

function writeObject(object: object, depth: number): string | null {
  const members = new Map<string, unknown>(Object.entries(object));
  const texts: string[] = [];
  for (const key of [...members.keys()].sort()) {
    const text = write(members.get(key), depth);
    if (text === null) return null;
    texts.push(`${JSON.stringify(key)}:${text}`);
  }
  return `{${texts.join(",")}}`;
}
