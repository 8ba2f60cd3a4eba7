import { createHash } from "node:crypto";
import { ServerError } from "../messages/server-error.ts";
import type { Environment } from "./environment.ts";
import { isDefault, type OpenOptions } from "./option-set.ts";

/** Characters from `_-0-9a-zA-Z`, as many as asked for. */
export type RandomId = (length: number) => string;

/** The presets in effect: those named, or, when nobody named any, those the environment suggests. */
export function choosePresets(
  named: readonly string[],
  isNamed: boolean,
  env: Environment,
): readonly string[] {
  if (isNamed) return named;
  const isFly = has(env, "FLY_APP_NAME") && has(env, "FLY_REGION") && has(env, "FLY_ALLOC_ID");
  const isHeroku = has(env, "HEROKU_APP_ID") && has(env, "HEROKU_DYNO_ID");
  return [...(isFly ? ["fly"] : []), ...(isHeroku ? ["heroku"] : [])];
}

/**
 * Replaces values that still are the built-in default, preset by preset; unknown names do nothing. Changes `options`.
 * @throws {ServerError} `preset_failed` when `fly` is forced outside of Fly
 * Source: spec "config", section 6.
 */
export function applyPresets(
  presets: readonly string[],
  options: OpenOptions,
  env: Environment,
): void {
  for (const preset of presets) {
    if (preset === "fly") applyFly(options, env);
    if (preset === "heroku") replaceHost(options);
    if (preset === "broker") applyBroker(options);
  }
}

function applyFly(options: OpenOptions, env: Environment): void {
  const region = required(env, "FLY_REGION");
  const app = required(env, "FLY_APP_NAME");
  replaceHost(options);
  applyFlyNames(options, region, app, env);
  const isRedisDefault = isDefault(options, "redis.url");
  if (options.pubsub_adapter === "") applyFlyPubsub(options, isRedisDefault);
  if (isRedisDefault && isDefault(options, "broadcast_adapters")) {
    options.broadcast_adapters = ["http"];
  }
  const backend = env["ANYCABLE_FLY_RPC_APP_NAME"] ?? "";
  if (backend !== "" && isDefault(options, "rpc.host")) {
    options["rpc.host"] = `dns:///${region}.${backend}.internal:50051`;
  }
}

function applyFlyNames(options: OpenOptions, region: string, app: string, env: Environment): void {
  const allocation = env["FLY_ALLOC_ID"] ?? "";
  if (options["embedded_nats.name"] === "" && allocation !== "") {
    options["embedded_nats.name"] = `fly-${region}-${allocation}-${endOfName(allocation)}`;
  }
  if (isDefault(options, "embedded_nats.service_addr")) {
    options["embedded_nats.service_addr"] = "nats://0.0.0.0:4222";
  }
  options["embedded_nats.cluster_addr"] ||= "nats://0.0.0.0:5222";
  if (isDefault(options, "embedded_nats.cluster_name")) {
    options["embedded_nats.cluster_name"] = `${app}-${region}-cluster`;
  }
  if (options["embedded_nats.routes"].length === 0) {
    options["embedded_nats.routes"] = [`nats://${region}.${app}.internal:5222`];
  }
  options["embedded_nats.gateway_advertise"] ||= `${region}.${app}.internal:7222`;
}

/** In place of random characters: a JetStream cluster takes a machine that starts again under another name for one more. */
function endOfName(allocation: string): string {
  return createHash("sha256").update(allocation).digest("base64url").slice(0, 3);
}

function applyFlyPubsub(options: OpenOptions, isRedisDefault: boolean): void {
  options.pubsub_adapter = isRedisDefault ? "nats" : "redis";
  if (!isRedisDefault) return;
  if (options["embedded_nats.enabled"] && !isDefault(options, "nats.servers")) return;
  options["embedded_nats.enabled"] = true;
  options["nats.servers"] = options["embedded_nats.service_addr"];
  options.broadcast_adapters = ["http", "nats"];
}

function applyBroker(options: OpenOptions): void {
  const isEmbedded = options["embedded_nats.enabled"];
  const isRedis = !isDefault(options, "redis.url");
  const [broker, adapters, pubsub] = isEmbedded
    ? (["nats", ["http", "nats"], "nats"] as const)
    : isRedis
      ? (["redis", ["http", "redisx", "redis"], "redis"] as const)
      : (["memory", ["http"], ""] as const);
  options["broker.adapter"] ||= broker;
  if (isDefault(options, "broadcast_adapters")) options.broadcast_adapters = adapters;
  options.pubsub_adapter ||= pubsub;
}

function replaceHost(options: OpenOptions): void {
  if (isDefault(options, "server.host")) options["server.host"] = "0.0.0.0";
}

function required(env: Environment, name: string): string {
  const value = env[name];
  if (value === undefined) {
    throw new ServerError(
      "preset_failed",
      `failed to load configuration presets, cause: ${name} env is missing`,
    );
  }
  return value;
}

function has(env: Environment, name: string): boolean {
  return env[name] !== undefined;
}
