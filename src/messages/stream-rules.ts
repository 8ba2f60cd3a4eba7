import { ServerError } from "./server-error.ts";

/**
 * What one kind of streams does differently; what is not given stays as the server's options say. Plain data.
 * `pattern` matches whole stream names; `*` stands for any characters, none and `/` included.
 */
export interface StreamRule {
  readonly pattern: string;
  /** False: nothing is stored and no positions are given. */
  readonly history?: boolean;
  /** Messages kept per stream. */
  readonly historyLimit?: number;
  readonly historyTtlS?: number;
  /** False: joins are refused, the set cannot be read. */
  readonly presence?: boolean;
  readonly presenceTtlS?: number;
}

/**
 * Rules in the order in which they are tried: the first match decides alone.
 * Takes the text of the flag, or the array of tables of the configuration file:
 *
 *     chat/*:history_limit=1000,history_ttl=3600;private/*:history=off,presence=off
 *     [[broker.stream_rules]]
 *     stream = "chat/*"
 *     history_limit = 1000
 *
 * In text the last `:` of a rule ends the pattern; a pattern with `;` needs the file. Blanks around separators do not count.
 * @param source text or an array of tables; empty text, an empty array and undefined give no rules
 * @throws {ServerError} `invalid_stream_rules` naming rule, setting, value and what is allowed
 * Source: docs/broker.md, "Stream rules".
 */
export function parseStreamRules(source: unknown): readonly StreamRule[] {
  if (source === undefined) return [];
  if (typeof source === "string") return splitTrimmed(source, ";").map(parseTextRule);
  if (Array.isArray(source)) return source.map(parseTableRule);
  throw refusal("expected text or an array of tables", { source });
}

/**
 * The shortest time to live any presence record can have: sessions must be touched at least twice within it.
 * Zeros do not count, such records live until the next tick whatever is touched.
 * @param defaultS time to live where no rule says otherwise
 * @returns seconds; 0 when all are 0
 */
export function shortestPresenceTtlS(rules: readonly StreamRule[], defaultS: number): number {
  const ttls = rules
    .filter((rule) => rule.presence !== false)
    .map((rule) => rule.presenceTtlS ?? 0);
  const positive = [defaultS, ...ttls].filter((ttlS) => ttlS > 0);
  return positive.length === 0 ? 0 : Math.min(...positive);
}

function parseTextRule(text: string): StreamRule {
  const end = text.lastIndexOf(":");
  if (end === -1) throw refusal(`"${text}": expected <pattern>:<setting>=<value>`, { rule: text });
  const settings = new Map<string, unknown>();
  for (const pair of splitTrimmed(text.slice(end + 1), ",")) {
    const [key = "", ...value] = pair.split("=");
    settings.set(key.trim(), value.join("=").trim());
  }
  return buildRule(text.slice(0, end).trim(), settings);
}

function parseTableRule(table: unknown): StreamRule {
  if (typeof table !== "object" || table === null || Array.isArray(table)) {
    throw refusal("expected a table with a stream pattern", { rule: table });
  }
  const settings = new Map<string, unknown>(Object.entries(table));
  const pattern = settings.get("stream");
  if (typeof pattern !== "string") throw refusal("a rule has no text in `stream`", { rule: table });
  settings.delete("stream");
  return buildRule(pattern, settings);
}

function buildRule(pattern: string, settings: ReadonlyMap<string, unknown>): StreamRule {
  if (pattern === "") throw refusal("a rule has an empty pattern", {});
  if (settings.size === 0) throw refusal(`"${pattern}" has no settings`, { pattern });
  const rule: { -readonly [Key in keyof StreamRule]: StreamRule[Key] } = { pattern };
  for (const [key, value] of settings) {
    switch (key) {
      case "history":
        rule.history = parseSwitch(pattern, key, value);
        break;
      case "history_limit":
        rule.historyLimit = parseCount(pattern, key, value);
        break;
      case "history_ttl":
        rule.historyTtlS = parseCount(pattern, key, value);
        break;
      case "presence":
        rule.presence = parseSwitch(pattern, key, value);
        break;
      case "presence_ttl":
        rule.presenceTtlS = parseCount(pattern, key, value);
        break;
      default:
        throw refusal(
          `"${pattern}": unknown setting "${key}", allowed are history, history_limit, history_ttl, presence, presence_ttl`,
          { pattern, key },
        );
    }
  }
  return rule;
}

function parseSwitch(pattern: string, key: string, value: unknown): boolean {
  if (value === true || value === "on" || value === "true") return true;
  if (value === false || value === "off" || value === "false") return false;
  throw refusal(`"${pattern}": ${key} must be on or off, not "${String(value)}"`, { pattern, key });
}

function parseCount(pattern: string, key: string, value: unknown): number {
  const isDigits = typeof value === "string" && /^\d{1,15}$/.test(value);
  const count = isDigits ? Number(value) : value;
  if (typeof count === "number" && Number.isSafeInteger(count) && count >= 0) return count;
  throw refusal(`"${pattern}": ${key} must be an integer of at least 0, not "${String(value)}"`, {
    pattern,
    key,
  });
}

function splitTrimmed(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function refusal(problem: string, details: Record<string, unknown>): ServerError {
  return new ServerError("invalid_stream_rules", `stream_rules: ${problem}`, { details });
}
