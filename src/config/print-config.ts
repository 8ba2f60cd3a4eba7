import type { OptionOrigins } from "./option-set.ts";
import { isSameValue } from "./option-set.ts";
import {
  OPTION_TABLE,
  type OptionKey,
  type OptionRow,
  type Options,
  type OptionValue,
} from "./option-table.ts";
import { tomlString } from "./quote.ts";
import { VERSION } from "./version.ts";

const GENERAL: readonly OptionKey[] = [
  "public",
  "noauth",
  "node_id",
  "secret",
  "broadcast_adapters",
  "broadcast_key",
  "pubsub_adapter",
  "presets",
  "unset",
];

const SECTIONS =
  "server logging rpc broker jwt streams ws sse pusher ds api redis nats http_broadcast redis_stream_broadcast redis_pubsub_broadcast nats_broadcast redis_pubsub nats_pubsub metrics app disconnector embedded_nats poll graphql ocpp".split(
    " ",
  );

type Row = OptionRow & { readonly key: OptionKey };

/**
 * The settings as a TOML file that, read again, gives the same settings; resolved values are pinned.
 * An option is live, or a comment when it says nothing. Source: spec "config", section 4.
 */
export function printedConfig(options: Options, origins: OptionOrigins): string {
  const rows = OPTION_TABLE.filter((row) => row.isFlagOnly !== true);
  const general = GENERAL.flatMap((key) => rows.filter((row) => row.key === key));
  const blocks = [
    block(null, general, options, origins),
    ...SECTIONS.map((section) =>
      block(
        section,
        rows.filter((row) => row.key.startsWith(`${section}.`)),
        options,
        origins,
      ),
    ),
  ];
  const head = `# Cableway ${VERSION} configuration\n# Options are described in docs/configuration.md\n\n`;
  return `${head}${blocks.join("\n")}`;
}

function block(
  section: string | null,
  rows: readonly Row[],
  options: Options,
  origins: OptionOrigins,
): string {
  const lines = rows.flatMap((row) => {
    const name = section === null ? row.key : row.key.slice(section.length + 1);
    return [`# ${row.usage}`, ...entry(row, name, options, origins)];
  });
  return [...(section === null ? [] : [`[${section}]`]), ...lines, ""].join("\n");
}

function entry(row: Row, name: string, options: Options, origins: OptionOrigins): string[] {
  if (row.key === "secret" && options.secret === "") return ['secret = "none"'];
  if (row.key === "broadcast_key" && options.broadcast_key === "" && options.secret === "") {
    return ['broadcast_key = "none"'];
  }
  const lines = assignments(row, name, options[row.key]);
  return isLive(row, options, origins) ? lines : lines.map((line) => `# ${line}`);
}

function assignments(row: Row, name: string, value: OptionValue): string[] {
  if (typeof value === "number" || typeof value === "boolean") return [`${name} = ${value}`];
  if (typeof value === "string") return [`${name} = ${tomlString(value)}`];
  if (row.type === "tags") {
    if (value.length === 0) return [`${name}.env = "prod"`];
    return value.map((tag) => `${name}.${tomlKey(tag[0] ?? "")} = ${tomlString(tag[1] ?? "")}`);
  }
  return [`${name} = [${value.map((item) => tomlString(String(item))).join(", ")}]`];
}

function isLive(row: Row, options: Options, origins: OptionOrigins): boolean {
  switch (row.key) {
    case "node_id":
    case "presets":
      return origins.has(row.key);
    case "broadcast_key":
      return options.broadcast_key !== "";
    case "rpc.secret":
      return !["", "none"].includes(options["rpc.secret"]);
    case "metrics.statsd.host":
    case "metrics.statsd.prefix":
    case "metrics.statsd.tags_format":
    case "metrics.statsd.max_packet_size":
      return options["metrics.statsd.host"] !== "";
    case "embedded_nats.cluster_name":
      return options["embedded_nats.cluster_addr"] !== "";
    case "embedded_nats.jetstream_ready_timeout":
      return options["embedded_nats.jetstream"];
    default:
      return isTelling(row, options[row.key]);
  }
}

function isTelling(row: Row, value: OptionValue): boolean {
  if (row.print === "changed") return !isSameValue(value, row.default);
  if (row.type === "bool") return value === true || row.default === true;
  if (row.type === "tags") return !isSameValue(value, []);
  return row.print !== "set" || !(value === "" || value === 0 || isSameValue(value, []));
}

function tomlKey(name: string): string {
  return /^[\w-]+$/.test(name) ? name : tomlString(name);
}
