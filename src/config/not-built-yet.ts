import { OPTION_TABLE, type OptionKey, type Options } from "./option-table.ts";

interface NotBuilt {
  readonly option: OptionKey;
  readonly isOn: (options: Options) => boolean;
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
];

/** One line naming the option that asks for something this version does not have; `null`: all is there. */
export function notBuiltYet(options: Options): string | null {
  const found = NOT_BUILT_YET.find(({ isOn }) => isOn(options));
  if (found === undefined) return null;
  const value = options[found.option];
  const flag = flagOf(found.option);
  return `${typeof value === "boolean" ? flag : `${flag}=${value}`} is not built in yet`;
}

function flagOf(key: OptionKey): string {
  return `--${OPTION_TABLE.find((row) => row.key === key)?.flag}`;
}
