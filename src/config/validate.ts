import { OPTION_TABLE, type OptionKey, type Options } from "./option-table.ts";
import { quoted } from "./quote.ts";

/**
 * The first value the server cannot start with, in the reference's words where it has some; `null`: all is well.
 * The text is complete and may have two lines. Source: spec "config", sections 10.1 and 10.2.
 */
export function invalidSetting(options: Options): string | null {
  return (
    unknownName(
      options["logging.level"],
      ["debug", "info", "warn", "error"],
      (name) =>
        `failed to initialize default logger, cause: unknown log level: ${name}.\nAvailable levels are: debug, info, warn, error`,
    ) ??
    unknownName(
      options["logging.format"],
      ["text", "json"],
      (name) =>
        `failed to initialize default logger, cause: unknown log format: ${name}.\nAvaialable formats are: text, json`,
    )
  );
}

/** Like `invalidSetting`, for what is looked at after presets were applied. */
export function invalidChoice(options: Options): string | null {
  return (
    unknownName(
      options.pubsub_adapter,
      ["", "none", "redis", "nats"],
      (name) =>
        `couldn't configure pub/sub, cause: common.illegal_argument: Unsupported subscriber adapter: ${name}`,
    ) ??
    unknownName(
      options["broker.adapter"],
      ["", "none", "memory", "nats", "redis"],
      (name) =>
        `failed to initialize broker, cause: common.illegal_argument: Unsupported broker adapter: ${name}`,
    ) ??
    firstOf(options.broadcast_adapters, (adapter) =>
      unknownName(
        adapter,
        ["http", "redis", "redisx", "nats"],
        (name) =>
          `couldn't configure broadcasters, cause: common.illegal_argument: Unsupported broadcast adapter: ${name}`,
      ),
    ) ??
    unknownName(
      options["rpc.implementation"],
      ["", "none", "grpc", "http"],
      (name) => `failed to initialize RPC controller, cause: unknown RPC implementation: ${name}`,
    ) ??
    (options["disconnector.rate"] < 1
      ? bad("disconnector.rate", String(options["disconnector.rate"]), "1 or more")
      : null) ??
    firstOf(activePaths(options), ([key, path]) => badPath(key, path))
  );
}

function unknownName(
  name: string,
  known: readonly string[],
  message: (name: string) => string,
): string | null {
  return known.includes(name) ? null : message(name);
}

function activePaths(options: Options): (readonly [OptionKey, string])[] {
  const paths: (readonly [OptionKey, string])[] = [
    ["server.health_path", options["server.health_path"]],
    ["api.path", options["api.path"]],
    ...options["ws.paths"].map((path) => ["ws.paths", path] as const),
  ];
  if (options["metrics.http_path"] !== "") {
    paths.push(["metrics.http_path", options["metrics.http_path"]]);
  }
  if (options.broadcast_adapters.includes("http")) {
    paths.push(["http_broadcast.path", options["http_broadcast.path"]]);
  }
  if (options["sse.enabled"]) paths.push(["sse.path", options["sse.path"]]);
  if (options["ds.enabled"]) paths.push(["ds.path", options["ds.path"]]);
  if (options["poll.enabled"]) paths.push(["poll.path", options["poll.path"]]);
  if (options["graphql.path"] !== "") paths.push(["graphql.path", options["graphql.path"]]);
  if (options["ocpp.path"] !== "") paths.push(["ocpp.path", options["ocpp.path"]]);
  return paths;
}

function badPath(key: OptionKey, path: string): string | null {
  if (!path.startsWith("/")) return bad(key, path, 'a path that begins with "/"');
  return path.slice(0, -1).includes("*") ? bad(key, path, 'a path with "*" at its end only') : null;
}

function bad(key: OptionKey, value: string, allowed: string): string {
  const flag = OPTION_TABLE.find((row) => row.key === key)?.flag;
  return `invalid value ${quoted(value)} for --${flag}: allowed is ${allowed}`;
}

function firstOf<Item>(
  items: readonly Item[],
  check: (item: Item) => string | null,
): string | null {
  for (const item of items) {
    const problem = check(item);
    if (problem !== null) return problem;
  }
  return null;
}
