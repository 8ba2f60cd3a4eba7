import { isHeaderName } from "../messages/header-name.ts";
import type { Options } from "./option-table.ts";
import { quoted } from "./quote.ts";

/** Things a user should know that do not stop the server; for the log, level warn. */
export function settingNotes(options: Options, unknownKeys: readonly string[]): string[] {
  return [
    ...unknownKeys.map((key) => `Unknown key in the configuration file: ${key}`),
    ...(options["rpc.concurrency"] < 0
      ? ["RPC concurrency must be positive, reverted to the default value"]
      : []),
    ...options["rpc.proxy_headers"].flatMap((name) => impossibleHeader("headers", name)),
    ...(options["jwt.secret"] === ""
      ? []
      : impossibleHeader("jwt_param", `x-${options["jwt.param"]}`)),
    ...unknown("disconnect_mode", options["app.disconnect_mode"], MODES, "never"),
    ...unknown("ping_timestamp_precision", options["app.ping_timestamp_precision"], UNITS, "s"),
  ];
}

const MODES = ["always", "never", "auto"];
const UNITS = ["s", "ms", "ns"];

function impossibleHeader(flag: string, name: string): string[] {
  if (isHeaderName(name)) return [];
  return [`No request has a header named ${quoted(name)}, given by ${flag}: it is never found`];
}

function unknown(name: string, value: string, known: readonly string[], used: string): string[] {
  if (known.includes(value)) return [];
  return [`Unknown ${name}: ${value} (allowed: ${known.join(", ")}), using ${used}`];
}
