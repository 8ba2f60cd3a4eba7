import { Duration } from "../messages/duration.ts";
import type { Attributes } from "../ports/log.ts";
import { attributeValue } from "./attribute-value.ts";
import { LocalTime } from "./local-time.ts";
import { type LogLevel, MAX_DEPTH, type RecordFormat } from "./record-format.ts";

const LEVELS = { debug: "DEBUG", info: "INFO", warn: "WARN", error: "ERROR" } as const;
const LINE_SEPARATORS = /[\u2028\u2029]/g;

/**
 * Records for machines: one JSON object a line, members in the order given, equal keys kept.
 *
 *     {"time":"2026-01-15T09:30:00.123+01:00","level":"INFO","msg":"no RPC configured","nodeid":"aB3_xZ"}
 *
 * Source: spec "observability", section 6.1.
 */
export class JsonFormat implements RecordFormat {
  private readonly time = new LocalTime();

  attributes(attributes: Attributes): string {
    return members(attributes, 0);
  }

  line(
    nowMs: number,
    level: LogLevel,
    message: string,
    prefix: string,
    attributes: Attributes | undefined,
  ): string {
    const time = this.time.rfc3339(nowMs);
    const own = attributes === undefined ? "" : this.attributes(attributes);
    return `{"time":"${time}","level":"${LEVELS[level]}","msg":${string(message)}${prefix}${own}}\n`;
  }
}

/** `,"key":value` for each member. */
function members(group: Attributes, depth: number): string {
  let text = "";
  for (const key of Object.keys(group)) {
    const value = group[key];
    if (value !== undefined) text += member(key, value, depth);
  }
  return text;
}

function member(key: string, value: unknown, depth: number): string {
  return `,${string(key)}:${json(value, depth)}`;
}

function json(given: unknown, depth: number): string {
  const value = attributeValue(given);
  if (typeof value === "string") return string(value);
  if (typeof value === "number" && !Number.isFinite(value)) return `"${value}"`;
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Duration) return String(Math.round(value.ms * 1e6));
  if (depth >= MAX_DEPTH) return '"..."';
  if (Array.isArray(value)) return `[${value.map((item) => json(item, depth + 1)).join(",")}]`;
  if (!(value instanceof Map)) return `{${members(value as Attributes, depth + 1).slice(1)}}`;
  const pairs = [...value].map(([key, item]) => member(String(key), item, depth + 1));
  return `{${pairs.join("").slice(1)}}`;
}

/** Some readers take U+2028 and U+2029 for ends of lines. */
function string(text: string): string {
  return JSON.stringify(text).replace(LINE_SEPARATORS, (character) =>
    character === "\u2028" ? "\\u2028" : "\\u2029",
  );
}
