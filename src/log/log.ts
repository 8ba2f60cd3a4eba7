import type { Clock } from "../ports/clock.ts";
import type { Attributes, Log } from "../ports/log.ts";
import { JsonFormat } from "./json-format.ts";
import type { LogLevel, RecordFormat } from "./record-format.ts";
import { TextFormat } from "./text-format.ts";

/** What the log is to look like. */
export interface LogOptions {
  /** The lowest level that prints. */
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** True for colours; JSON has none. */
  readonly isTerminal: boolean;
  /** First attribute of every record; empty for none. */
  readonly nodeId: string;
}

/** What the log needs. */
export interface LogDeps {
  readonly clock: Clock;
  /** Takes one line with its newline; must not throw. */
  readonly write: (line: string) => void;
}

/** A log whose records go to `write` in the order of the calls, each as one line. No call throws. */
export function createLog(options: LogOptions, deps: LogDeps): Log {
  const format = options.format === "json" ? new JsonFormat() : new TextFormat(options.isTerminal);
  const prefix = options.nodeId === "" ? "" : format.attributes({ nodeid: options.nodeId });
  return new StructuredLog({ rank: RANKS[options.level], prefix }, { ...deps, format });
}

const RANKS = { debug: 0, info: 1, warn: 2, error: 3 } as const;

interface StructuredLogOptions {
  readonly rank: number;
  readonly prefix: string;
}

interface StructuredLogDeps extends LogDeps {
  readonly format: RecordFormat;
}

class StructuredLog implements Log {
  readonly isDebug: boolean;
  private readonly rank: number;
  private readonly prefix: string;
  private readonly deps: StructuredLogDeps;

  constructor(options: StructuredLogOptions, deps: StructuredLogDeps) {
    this.rank = options.rank;
    this.prefix = options.prefix;
    this.isDebug = options.rank === RANKS.debug;
    this.deps = deps;
  }

  debug(message: string, attributes?: Attributes): void {
    if (this.isDebug) this.record("debug", message, attributes);
  }

  info(message: string, attributes?: Attributes): void {
    if (this.rank <= RANKS.info) this.record("info", message, attributes);
  }

  warn(message: string, attributes?: Attributes): void {
    if (this.rank <= RANKS.warn) this.record("warn", message, attributes);
  }

  error(message: string, attributes?: Attributes): void {
    this.record("error", message, attributes);
  }

  with(attributes: Attributes): Log {
    const prefix = this.prefix + this.deps.format.attributes(attributes);
    return new StructuredLog({ rank: this.rank, prefix }, this.deps);
  }

  private record(level: LogLevel, message: string, attributes: Attributes | undefined): void {
    const { clock, format, write } = this.deps;
    write(format.line(clock.now(), level, message, this.prefix, attributes));
  }
}
