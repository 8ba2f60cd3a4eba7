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
 *
 *     chat/*:history_limit=1000,history_ttl=3600
 *     private/*:history=off,presence=off
 *
 * The last `:` ends the pattern; blanks around separators do not count; blank texts are skipped.
 * @param texts one rule each; the flag and the variable separate them with `;`
 * @throws {ServerError} `invalid_stream_rules` naming rule, setting, value and what is allowed
 * Source: docs/broker.md, "Stream rules".
 */
export function parseStreamRules(texts: readonly string[]): readonly StreamRule[] {
  return texts.filter((text) => text.trim() !== "").map(parseRule);
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

function parseRule(text: string): StreamRule {
  const end = text.lastIndexOf(":");
  const pattern = text.slice(0, Math.max(end, 0)).trim();
  if (pattern === "") throw refusal(text, "expected <pattern>:<setting>=<value>");
  const rule: MutableRule = { pattern };
  for (const setting of text.slice(end + 1).split(",")) applySetting(rule, setting, text);
  return rule;
}

type MutableRule = { -readonly [Key in keyof StreamRule]: StreamRule[Key] };

function applySetting(rule: MutableRule, setting: string, text: string): void {
  const [key = "", value = ""] = setting.split("=", 2).map((part) => part.trim());
  switch (key) {
    case "history":
      rule.history = parseSwitch(text, key, value);
      return;
    case "history_limit":
      rule.historyLimit = parseCount(text, key, value);
      return;
    case "history_ttl":
      rule.historyTtlS = parseCount(text, key, value);
      return;
    case "presence":
      rule.presence = parseSwitch(text, key, value);
      return;
    case "presence_ttl":
      rule.presenceTtlS = parseCount(text, key, value);
      return;
    default:
      throw refusal(
        text,
        `unknown setting "${key}", allowed are history, history_limit, history_ttl, presence, presence_ttl`,
      );
  }
}

function parseSwitch(text: string, key: string, value: string): boolean {
  if (value === "on" || value === "true") return true;
  if (value === "off" || value === "false") return false;
  throw refusal(text, `${key} must be on or off, not "${value}"`);
}

function parseCount(text: string, key: string, value: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw refusal(text, `${key} must be a whole number of at least 0, not "${value}"`);
}

function refusal(rule: string, problem: string): ServerError {
  const text = `stream_rules: "${rule.trim()}": ${problem}`;
  return new ServerError("invalid_stream_rules", text, { details: { rule } });
}
