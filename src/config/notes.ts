import type { Options } from "./option-table.ts";

/** Things a user should know that do not stop the server; for the log, level warn. */
export function settingNotes(options: Options, unknownKeys: readonly string[]): string[] {
  return [
    ...unknownKeys.map((key) => `Unknown key in the configuration file: ${key}`),
    ...(options["rpc.concurrency"] < 0
      ? ["RPC concurrency must be positive, reverted to the default value"]
      : []),
    ...unknown("disconnect_mode", options["app.disconnect_mode"], MODES, "never"),
    ...unknown("ping_timestamp_precision", options["app.ping_timestamp_precision"], UNITS, "s"),
  ];
}

const MODES = ["always", "never", "auto"];
const UNITS = ["s", "ms", "ns"];

function unknown(name: string, value: string, known: readonly string[], used: string): string[] {
  if (known.includes(value)) return [];
  return [`Unknown ${name}: ${value} (allowed: ${known.join(", ")}), using ${used}`];
}
