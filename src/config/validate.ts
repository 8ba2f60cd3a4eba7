import { errorText } from "../messages/server-error.ts";
import { parseStreamRules } from "../messages/stream-rules.ts";
import { isApiAsked } from "./build-endpoints.ts";
import { OPTION_TABLE, type OptionKey, type Options } from "./option-table.ts";
import { quoted } from "./quote.ts";

/** An unknown log level or format, in the reference's words; `null`: both are known. Looked at before anything else. */
export function invalidLogging(options: Options): string | null {
  const level = unknownIn([options["logging.level"]], LEVELS);
  if (level !== null) return logProblem(`level: ${level}`, "Available levels", LEVELS);
  const format = unknownIn([options["logging.format"]], FORMATS);
  return format === null ? null : logProblem(`format: ${format}`, "Avaialable formats", FORMATS);
}

/**
 * The first choice the server cannot start with, after presets were applied; `null`: all is well.
 * Unknown names get the reference's words, what crashes the reference names option, value and what is allowed.
 * Source: spec "config", sections 10.1 and 10.2.
 */
export function invalidChoice(options: Options): string | null {
  return (
    unknownAdapter(options) ?? badNumber(options) ?? badPath(options) ?? badStreamRules(options)
  );
}

const LEVELS = ["debug", "info", "warn", "error"];
const FORMATS = ["text", "json"];
const PUBSUBS = ["", "none", "redis", "nats"];
const BROKERS = ["", "none", "memory", "nats", "redis"];
const BROADCASTERS = ["http", "redis", "redisx", "nats"];
const RPCS = ["", "none", "grpc", "http"];

function logProblem(what: string, intro: string, known: readonly string[]): string {
  return `failed to initialize default logger, cause: unknown log ${what}.\n${intro} are: ${known.join(", ")}`;
}

function unknownAdapter(options: Options): string | null {
  const pubsub = unknownIn([options.pubsub_adapter], PUBSUBS);
  if (pubsub !== null) return unsupported("couldn't configure pub/sub", "subscriber", pubsub);
  const broker = unknownIn([options["broker.adapter"]], BROKERS);
  if (broker !== null) return unsupported("failed to initialize broker", "broker", broker);
  const way = unknownIn(options.broadcast_adapters, BROADCASTERS);
  if (way !== null) return unsupported("couldn't configure broadcasters", "broadcast", way);
  const rpc = unknownIn([options["rpc.implementation"]], RPCS) ?? invalidHost(options);
  if (rpc === null) return null;
  return `failed to initialize RPC controller, cause: unknown RPC implementation: ${rpc}`;
}

/** A host whose scheme cannot be read, unless the implementation is named. */
function invalidHost(options: Options): string | null {
  const host = options["rpc.host"];
  if (options["rpc.implementation"] !== "" || !host.includes("://")) return null;
  return /^[^/]+:\/\//.test(host) ? null : `<invalid RPC host: ${host}>`;
}

function unsupported(what: string, kind: string, name: string): string {
  return `${what}, cause: common.illegal_argument: Unsupported ${kind} adapter: ${name}`;
}

function badStreamRules(options: Options): string | null {
  try {
    parseStreamRules(options["broker.stream_rules"]);
    return null;
  } catch (error) {
    return errorText(error);
  }
}

function unknownIn(names: readonly string[], known: readonly string[]): string | null {
  return names.find((name) => !known.includes(name)) ?? null;
}

function badNumber(options: Options): string | null {
  const positive: OptionKey[] = ["disconnector.rate", "http_broadcast.max_body_size"];
  for (const key of positive) {
    if (Number(options[key]) < 1) return bad(key, String(options[key]), "1 or more");
  }
  const replicas = options["broker.nats_replicas"];
  if (![1, 3, 5].includes(replicas)) {
    return bad("broker.nats_replicas", String(replicas), "1, 3 or 5");
  }
  return null;
}

function badPath(options: Options): string | null {
  for (const [key, path] of activePaths(options)) {
    if (!path.startsWith("/")) return bad(key, path, 'a path that begins with "/"');
    if (path.slice(0, -1).includes("*")) return bad(key, path, 'a path with "*" at its end only');
  }
  return null;
}

function activePaths(options: Options): (readonly [OptionKey, string])[] {
  const isHttp = options.broadcast_adapters.includes("http");
  const optional: readonly (readonly [boolean, OptionKey])[] = [
    [isHttp, "http_broadcast.path"],
    [isApiAsked(options), "api.path"],
    [options["metrics.http_path"] !== "", "metrics.http_path"],
    [options["sse.enabled"], "sse.path"],
    [options["ds.enabled"], "ds.path"],
    [options["poll.enabled"], "poll.path"],
    [options["graphql.path"] !== "", "graphql.path"],
    [options["ocpp.path"] !== "", "ocpp.path"],
  ];
  const active = optional.filter(([isOn]) => isOn).map(([, key]) => key);
  return [
    ...options["ws.paths"].map((path) => ["ws.paths", path] as const),
    ...(["server.health_path", ...active] as const).map(
      (key) => [key, String(options[key])] as const,
    ),
  ];
}

function bad(key: OptionKey, value: string, allowed: string): string {
  const row = OPTION_TABLE.find((one) => one.key === key);
  return `invalid value ${quoted(value)} for --${row?.flag}: allowed is ${allowed}`;
}
