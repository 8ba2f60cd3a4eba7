import type { Log } from "../ports/log.ts";
import type { MetricsWriter } from "./metrics-writer.ts";
import type { Rotation } from "./registry.ts";

/** How often it prints, and what. */
export interface LogWriterOptions {
  /** Seconds, as the start line says. */
  readonly intervalS: number;
  /** Names to print, unknown ones are ignored; null for all. */
  readonly filter: readonly string[] | null;
}

/**
 * Metrics as log records: no message, one attribute per metric, sorted by name.
 *
 *     2024-03-06 14:16:27.872 INF  nodeid=6VV3mO broadcast_msg_total=0 clients_num=2
 *
 * Source: spec "observability", section 5.
 */
export class LogWriter implements MetricsWriter {
  private readonly options: LogWriterOptions;
  private readonly names: ReadonlySet<string> | null;
  private readonly log: Log;

  constructor(options: LogWriterOptions, deps: { readonly log: Log }) {
    this.options = options;
    this.names = options.filter === null ? null : new Set(options.filter);
    this.log = deps.log;
  }

  async start(): Promise<void> {
    const { intervalS, filter } = this.options;
    const fields = filter === null ? {} : { fields: filter.join(",") };
    this.log.info("log metrics", { interval: intervalS, ...fields });
  }

  async write(rotation: Rotation): Promise<void> {
    const pairs = [...rotation.counters, ...rotation.gauges].filter(([name]) => this.isShown(name));
    pairs.sort(([a], [b]) => (a < b ? -1 : 1));
    this.log.info("", Object.fromEntries(pairs));
  }

  async stop(): Promise<void> {}

  private isShown(name: string): boolean {
    return this.names === null || this.names.has(name);
  }
}
