import type { OptionOrigins } from "./option-set.ts";
import { OPTION_TABLE, type OptionKey, type Options } from "./option-table.ts";

interface NotBuilt {
  readonly option: OptionKey;
  readonly isOn: (options: Options) => boolean;
  /** The values that are there already, for the documentation. */
  readonly built?: string;
}

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
    option: "broker.adapter",
    isOn: (options) => isOther(options["broker.adapter"], ["memory", "redis"]),
    built: "none, memory and redis",
  },
];

/**
 * One line naming the option that asks for something this version does not have; `null`: all is there.
 * An option that was chosen by a preset is named by that.
 */
export function notBuiltYet(
  options: Options,
  origins: OptionOrigins,
  presets: readonly string[],
): string | null {
  const found = NOT_BUILT_YET.find(({ isOn }) => isOn(options));
  if (found === undefined) return null;
  const { option } = found;
  const value = options[option];
  const what = typeof value === "boolean" ? flagOf(option) : `${flagOf(option)}=${value}`;
  if (origins.has(option)) return `${what} is not built in yet`;
  return `${what}, chosen because of --presets=${presets}, is not built in yet`;
}

function isOther(adapter: string, built: readonly string[]): boolean {
  return !["", "none", ...built].includes(adapter);
}

function flagOf(key: OptionKey): string {
  return `--${OPTION_TABLE.find((row) => row.key === key)?.flag}`;
}
