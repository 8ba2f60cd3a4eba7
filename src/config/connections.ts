import type { ServerError } from "../messages/server-error.ts";
import { OPTION_TABLE, type OptionValue } from "./option-table.ts";
import { convert, type Mismatch } from "./toml-value.ts";

/** Sections that may bring their own Redis or NATS connection; TOML only. */
export const CONNECTION_SECTIONS = [
  "redis_stream_broadcast.redis",
  "redis_pubsub_broadcast.redis",
  "redis_pubsub.redis",
  "nats_broadcast.nats",
  "nats_pubsub.nats",
] as const;

/** The name of such a section. */
export type ConnectionSection = (typeof CONNECTION_SECTIONS)[number];

/** Values of one connection by shared option key, e.g. `redis.url`; what is missing counts as empty or zero. */
export type ConnectionValues = ReadonlyMap<string, OptionValue>;

/** The connections that replace the shared one. */
export type Connections = ReadonlyMap<ConnectionSection, ConnectionValues>;

/** What is read from: values by dotted path, and the error for a wrong type. */
interface Source {
  has(path: string): boolean;
  value(path: string): unknown;
  incompatible(path: string, wrong: Mismatch): ServerError;
}

/**
 * Reads the connections of single components. One that is present starts from zero values, not from defaults.
 * @throws {ServerError} `bad_config_file`
 */
export function readConnections(source: Source): Connections {
  const connections = new Map<ConnectionSection, ConnectionValues>();
  for (const section of CONNECTION_SECTIONS) {
    const kind = section.slice(section.indexOf(".") + 1);
    const values = new Map<string, OptionValue>();
    for (const row of OPTION_TABLE.filter((one) => one.key.startsWith(`${kind}.`))) {
      const path = `${section}${row.key.slice(kind.length)}`;
      const found = source.value(path);
      if (found === undefined) continue;
      const value = convert(row.type, found);
      if (!value.ok) throw source.incompatible(path, value);
      values.set(row.key, value.value);
    }
    if (source.has(section)) connections.set(section, values);
  }
  return connections;
}
