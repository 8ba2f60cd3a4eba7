import { join } from "node:path";
import { errorText } from "../../messages/server-error.ts";
import {
  type ListenAddress,
  parseGateway,
  parseListenAddress,
  parseRoute,
  withoutLogin,
} from "./address.ts";
import { failure } from "./failure.ts";
import type { EmbeddedNatsOptions } from "./options.ts";

/** What the server is started with. */
export interface ServerPlan {
  readonly serverName: string;
  readonly address: ListenAddress;
  /** The configuration file: JSON, which the server reads, one setting per line. */
  readonly config: string;
  /** Folder the server stores in that no later run will find again; null when there is none. */
  readonly disposableFolder: string | null;
  /** What the server prints once all its ports are open. */
  readonly readyLines: readonly string[];
  /** The start line for the log. */
  readonly summary: string;
  /** Options that do nothing as they are. */
  readonly warnings: readonly string[];
}

/** `tempFolder` is where stored streams go unless told otherwise; `randomId` gives the end of a generated name. */
export interface PlanDeps {
  readonly tempFolder: string;
  readonly randomId: (length: number) => string;
}

const DEFAULT_MAX_PAYLOAD_BYTES = 1_048_576;
const NAME_END_LENGTH = 3;

/**
 * Turns options into a configuration of nats-server.
 * @throws {ServerError} `embedded_nats_failed` for options that contradict each other or are no addresses
 * Source: spec "messaging", section 17.
 */
export function planServer(options: EmbeddedNatsOptions, deps: PlanDeps): ServerPlan {
  const address = parseListenAddress(options.serviceAddr);
  const serverName = options.name === "" ? generateName(options.serviceAddr, deps) : options.name;
  const hasCluster = options.clusterAddr !== "" && options.clusterName !== "";
  if (hasCluster && options.isJetstream && options.routes.length === 0) {
    throw failure("JetStream cluster requires configured routes: set enats_cluster_routes");
  }
  const storeDir = options.isJetstream ? storeFolder(options.storeDir, serverName, deps) : null;
  const config = {
    server_name: serverName,
    ...address,
    logtime: false,
    debug: options.isDebug,
    trace: options.isDebug && options.isTrace,
    max_payload: options.maxPayloadBytes > 0 ? options.maxPayloadBytes : DEFAULT_MAX_PAYLOAD_BYTES,
    ...(storeDir === null ? {} : { jetstream: { store_dir: storeDir } }),
    ...(hasCluster ? { cluster: planCluster(options) } : {}),
    ...(hasGateway(options) ? { gateway: planGateway(options) } : {}),
  };
  requirePlainTexts(config);
  return {
    serverName,
    address,
    config: JSON.stringify(config, null, 2),
    disposableFolder: options.name === "" && options.storeDir === "" ? storeDir : null,
    readyLines: ["Server is ready", ...(hasCluster ? ["Listening for route connections"] : [])],
    summary: summarize(options, serverName, hasCluster),
    warnings: [...idleOptions(options, hasCluster), ...fleetingName(options, hasCluster)],
  };
}

function planCluster(options: EmbeddedNatsOptions): Record<string, unknown> {
  const routes = options.routes.map(parseRoute);
  try {
    return { name: options.clusterName, ...parseListenAddress(options.clusterAddr), routes };
  } catch (error) {
    throw unusable("cluster", error);
  }
}

function planGateway(options: EmbeddedNatsOptions): Record<string, unknown> {
  const advertise = options.gatewayAdvertise;
  try {
    return {
      name: options.clusterName,
      ...parseListenAddress(options.gatewayAddr),
      ...(advertise === "" ? {} : { advertise }),
      gateways: options.gateways.map(parseGateway),
    };
  } catch (error) {
    throw unusable("gateway", error);
  }
}

function idleOptions(options: EmbeddedNatsOptions, hasCluster: boolean): readonly string[] {
  const found: string[] = [];
  if (!hasCluster && options.routes.length > 0) found.push("enats_cluster_routes");
  if (!hasGateway(options) && options.gateways.length > 0) found.push("enats_gateways");
  if (!hasGateway(options) && options.gatewayAdvertise !== "") {
    found.push("enats_gateway_advertise");
  }
  return found.map((option) => {
    const needed = option === "enats_cluster_routes" ? "enats_cluster" : "enats_gateway";
    return `${option} has no effect without ${needed} and enats_cluster_name`;
  });
}

/** A cluster of JetStream counts the votes of every server it has ever seen. */
function fleetingName(
  { isJetstream, name }: EmbeddedNatsOptions,
  hasCluster: boolean,
): readonly string[] {
  if (!hasCluster || !isJetstream || name !== "") return [];
  return [
    "JetStream in a cluster needs enats_server_name, a name that stays with this server: under a made-up one each start " +
      "adds a server, and when too many of them are gone JetStream works no more",
  ];
}

function unusable(what: string, cause: unknown): Error {
  return failure(`failed to configure NATS ${what}: ${errorText(cause)}`, cause);
}

function hasGateway({ gatewayAddr, clusterName }: EmbeddedNatsOptions): boolean {
  return gatewayAddr !== "" && clusterName !== "";
}

/** `nats://127.0.0.1:4222` → `nats-127.0.0.1-4222-x1Z` */
function generateName(serviceAddr: string, { randomId }: PlanDeps): string {
  const base = withoutLogin(serviceAddr).replaceAll(":", "-");
  return `${base.replaceAll("/", "")}-${randomId(NAME_END_LENGTH)}`;
}

function storeFolder(given: string, serverName: string, { tempFolder }: PlanDeps): string {
  if (given !== "") return given;
  return join(tempFolder, "nats-data", serverName.replaceAll("/", "-"));
}

/** The server's reader knows no `\u` escapes. */
function requirePlainTexts(value: unknown): void {
  if (typeof value === "string" && /\p{Cc}/u.test(value)) {
    throw failure(`control characters are not allowed: ${JSON.stringify(value)}`);
  }
  if (typeof value === "object" && value !== null) Object.values(value).forEach(requirePlainTexts);
}

function summarize(options: EmbeddedNatsOptions, serverName: string, hasCluster: boolean): string {
  const parts = [`server_name: ${serverName}`];
  if (hasCluster) {
    parts.push(`cluster: ${options.clusterAddr}`, `cluster_name: ${options.clusterName}`);
    if (options.routes.length > 0) parts.push(`routes: ${options.routes.join(",")}`);
  }
  if (hasGateway(options)) {
    parts.push(`gateway: ${options.gatewayAddr}`, `gateways: [${options.gateways.join(" ")}]`);
    if (options.gatewayAdvertise !== "") {
      parts.push(`gateway_advertise: ${options.gatewayAdvertise}`);
    }
  }
  const text = `Embedded NATS server started: ${options.serviceAddr} (${parts.join(", ")})`;
  return withoutLogin(text);
}
