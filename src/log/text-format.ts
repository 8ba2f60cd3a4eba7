import { Duration } from "../messages/duration.ts";
import type { Attributes } from "../ports/log.ts";
import { attributeValue, isGroup } from "./attribute-value.ts";
import { LocalTime } from "./local-time.ts";
import { quote, unbroken } from "./quote.ts";
import { type LogLevel, MAX_DEPTH, type RecordFormat } from "./record-format.ts";

const LEVELS = { debug: "DBG", info: "INF", warn: "WRN", error: "ERR" } as const;

const FAINT = "\x1b[2m";
const RESET = "\x1b[0m";
const COLOURED_LEVELS = {
  debug: "DBG",
  info: `\x1b[92mINF${RESET}`,
  warn: `\x1b[93mWRN${RESET}`,
  error: `\x1b[91mERR${RESET}`,
} as const;

/**
 * Records for people, in the zone of the process.
 *
 *     2026-01-15 09:30:00.125 INF no RPC configured nodeid=aB3_xZ context=rpc impl=null
 *
 * Source: spec "observability", section 6.1.
 */
export class TextFormat implements RecordFormat {
  private readonly time = new LocalTime();
  private readonly isTerminal: boolean;

  /** @param isTerminal true for colours */
  constructor(isTerminal: boolean) {
    this.isTerminal = isTerminal;
  }

  attributes(attributes: Attributes): string {
    return this.members(attributes, "", 0);
  }

  line(
    nowMs: number,
    level: LogLevel,
    message: string,
    prefix: string,
    attributes: Attributes | undefined,
  ): string {
    const time = this.time.text(nowMs);
    const own = attributes === undefined ? "" : this.attributes(attributes);
    const said = unbroken(message);
    return this.isTerminal
      ? `${FAINT}${time}${RESET} ${COLOURED_LEVELS[level]} ${said}${prefix}${own}\n`
      : `${time} ${LEVELS[level]} ${said}${prefix}${own}\n`;
  }

  private members(group: Attributes, path: string, depth: number): string {
    let text = "";
    for (const key of Object.keys(group)) {
      const given = group[key];
      if (given === undefined) continue;
      const value = attributeValue(given);
      if (isGroup(value) && depth < MAX_DEPTH) {
        text += this.members(value, `${path}${key}.`, depth + 1);
      } else {
        text += ` ${this.key(path + key)}${quote(plainText(value, depth))}`;
      }
    }
    return text;
  }

  private key(path: string): string {
    return this.isTerminal ? `${FAINT}${quote(path)}=${RESET}` : `${quote(path)}=`;
  }
}

/** A value before quoting: lists are `[a b]`, maps `map[k:v]`. */
function plainText(given: unknown, depth: number): string {
  const value = attributeValue(given);
  if (value === null) return "<nil>";
  if (typeof value !== "object" || value instanceof Duration) return String(value);
  if (depth >= MAX_DEPTH) return "...";
  if (Array.isArray(value)) {
    return `[${value.map((item) => plainText(item, depth + 1)).join(" ")}]`;
  }
  const pairs = [...(value instanceof Map ? value : Object.entries(value))];
  const texts = pairs.map(([key, item]) => `${String(key)}:${plainText(item, depth + 1)}`);
  return `map[${texts.join(" ")}]`;
}
