import { redisCause } from "./derive.ts";
import { isDefault, type OptionOrigins } from "./option-set.ts";
import { OPTION_TABLE, type OptionKey, type Options } from "./option-table.ts";

interface NotBuilt {
  readonly option: OptionKey;
  readonly isOn: (options: Options) => boolean;
  /** The values that are there already, for the documentation. */
  readonly built?: string;
}

/** Ways in for publications that have no room yet: left out of the default, an error when asked for. */
export const ADAPTERS_NOT_BUILT: ReadonlySet<string> = new Set(["nats"]);

/** What cannot be switched on yet. A room that gets built deletes its line. */
export const NOT_BUILT_YET: readonly NotBuilt[] = [
  { option: "sse.enabled", isOn: (options) => options["sse.enabled"] },
  { option: "ds.enabled", isOn: (options) => options["ds.enabled"] },
  { option: "poll.enabled", isOn: (options) => options["poll.enabled"] },
  { option: "graphql.path", isOn: (options) => options["graphql.path"] !== "" },
  { option: "ocpp.path", isOn: (options) => options["ocpp.path"] !== "" },
  {
    option: "pusher.app_id",
    isOn: (options) => options["pusher.app_id"] !== "" && options["pusher.app_key"] !== "",
  },
  { option: "metrics.statsd.host", isOn: (options) => options["metrics.statsd.host"] !== "" },
  { option: "metrics_log_formatter", isOn: (options) => options.metrics_log_formatter !== "" },
  {
    option: "pubsub_adapter",
    isOn: (options) => isOther(options.pubsub_adapter, ["redis"]),
    built: "none and redis",
  },
  {
    option: "broker.adapter",
    isOn: (options) => isOther(options["broker.adapter"], ["memory", "redis"]),
    built: "none, memory and redis",
  },
  {
    option: "broadcast_adapters",
    isOn: (options) => options.broadcast_adapters.some((name) => ADAPTERS_NOT_BUILT.has(name)),
    built: "http, redis and redisx",
  },
  { option: "embedded_nats.enabled", isOn: (options) => options["embedded_nats.enabled"] },
];

/**
 * One line naming the option that asks for something this version does not have; `null`: all is there.
 * An option that was chosen by another one (a Redis address, a preset) is named by that one.
 */
export function notBuiltYet(
  options: Options,
  origins: OptionOrigins,
  presets: readonly string[],
): string | null {
  const found = NOT_BUILT_YET.find(
    ({ option, isOn }) => isOn(options) && !isUnasked(option, options, origins),
  );
  if (found === undefined) return null;
  const { option } = found;
  const value = options[option];
  const what = typeof value === "boolean" ? flagOf(option) : `${flagOf(option)}=${value}`;
  if (origins.has(option)) return `${what} is not built in yet`;
  const cause = option === "pubsub_adapter" ? redisCause(options) : null;
  const by = cause !== null && origins.has(cause) ? flagOf(cause) : `--presets=${presets}`;
  return `${what}, chosen because of ${by}, is not built in yet`;
}

function isUnasked(option: OptionKey, options: Options, origins: OptionOrigins): boolean {
  return option === "broadcast_adapters" && !isBroadcastAsked(options, origins);
}

/** False when publications come in where the built-in default says, and nobody named a Redis either. */
export function isBroadcastAsked(options: Options, origins: OptionOrigins): boolean {
  if (origins.has("broadcast_adapters") || !isDefault(options, "broadcast_adapters")) return true;
  return !isDefault(options, "redis.url");
}

function isOther(adapter: string, built: readonly string[]): boolean {
  return !["", "none", ...built].includes(adapter);
}

function flagOf(key: OptionKey): string {
  return `--${OPTION_TABLE.find((row) => row.key === key)?.flag}`;
}
