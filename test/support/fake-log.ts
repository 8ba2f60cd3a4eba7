import type { Attributes, Log } from "../../src/ports/log.ts";

/** One call of a log; attributes of `with` come first. */
export interface LogRecord {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly attributes: Attributes;
}

/** A log that keeps its records, debug ones included; children made by `with` write into the same list. */
export class FakeLog implements Log {
  readonly isDebug = true;
  readonly records: LogRecord[];
  private readonly base: Attributes;

  constructor(records: LogRecord[] = [], base: Attributes = {}) {
    this.records = records;
    this.base = base;
  }

  debug(message: string, attributes: Attributes = {}): void {
    this.record("debug", message, attributes);
  }

  info(message: string, attributes: Attributes = {}): void {
    this.record("info", message, attributes);
  }

  warn(message: string, attributes: Attributes = {}): void {
    this.record("warn", message, attributes);
  }

  error(message: string, attributes: Attributes = {}): void {
    this.record("error", message, attributes);
  }

  with(attributes: Attributes): FakeLog {
    return new FakeLog(this.records, { ...this.base, ...attributes });
  }

  /** Messages of one level, in order. */
  messages(level: LogRecord["level"]): readonly string[] {
    return this.records.filter((record) => record.level === level).map((record) => record.message);
  }

  private record(level: LogRecord["level"], message: string, attributes: Attributes): void {
    this.records.push({ level, message, attributes: { ...this.base, ...attributes } });
  }
}
