import {
  buildEmbeddedNats,
  buildNats,
  buildRedis,
  buildRpc,
  natsChannel,
  redisChannel,
} from "./build-clients.ts";
import {
  buildApi,
  buildHttpBroadcast,
  buildOptionalEndpoints,
  buildServer,
  buildWebSocket,
} from "./build-endpoints.ts";
import { buildApp, buildBroker, buildLogging, buildMetrics, buildStreams } from "./build-node.ts";
import type { Connections } from "./connections.ts";
import type { Environment } from "./environment.ts";
import { oneOf } from "./one-of.ts";
import { isDefault, type OptionOrigins } from "./option-set.ts";
import type { Options } from "./option-table.ts";
import type { RandomId } from "./presets.ts";
import type { DoorKeys } from "./secrets.ts";
import type { BroadcastSettings, Settings } from "./settings.ts";

/** Everything the settings are made from: options after presets, and what the steps before found out. */
export interface Resolved {
  readonly options: Options;
  readonly origins: OptionOrigins;
  readonly keys: DoorKeys;
  readonly connections: Connections;
  readonly env: Environment;
  readonly random: RandomId;
}

/** Turns resolved options, whose names and paths were checked, into settings. Source: spec "config", section 5.6. */
export function buildSettings(resolved: Resolved): Settings {
  const { options, keys, connections } = resolved;
  return {
    nodeId: options.node_id === "" ? resolved.random(6) : options.node_id,
    isPublic: options.public,
    isNoAuth: options.noauth,
    server: buildServer(options),
    logging: buildLogging(options),
    rpc: buildRpc(options, keys.rpc, resolved.env),
    broker: buildBroker(options),
    jwt:
      options["jwt.secret"] === ""
        ? null
        : {
            secret: options["jwt.secret"],
            param: options["jwt.param"],
            isEnforced: options["jwt.force"],
          },
    streams: buildStreams(options),
    ws: buildWebSocket(options),
    broadcast: buildBroadcast(resolved),
    httpBroadcast: buildHttpBroadcast(options, keys.broadcast),
    redisStreamBroadcast: {
      stream: options["redis_stream_broadcast.stream"],
      group: options["redis_stream_broadcast.group"],
      readBlockMs: options["redis_stream_broadcast.stream_read_block_milliseconds"],
      redis: buildRedis(options, connections.get("redis_stream_broadcast.redis")),
    },
    redisPubsubBroadcast: redisChannel(options, connections, "redis_pubsub_broadcast"),
    natsBroadcast: natsChannel(options, connections, "nats_broadcast"),
    pubsub: {
      adapter: oneOf(options.pubsub_adapter, ["redis", "nats"], "none"),
      redis: redisChannel(options, connections, "redis_pubsub"),
      nats: natsChannel(options, connections, "nats_pubsub"),
    },
    redis: buildRedis(options, undefined),
    nats: buildNats(options, undefined),
    embeddedNats: buildEmbeddedNats(resolved),
    api: buildApi(options, keys.api),
    metrics: buildMetrics(options, resolved.env),
    app: buildApp(options),
    disconnector: {
      isEnabled: !options.disable_disconnect,
      rate: options["disconnector.rate"],
      backlog: options["disconnector.backlog"],
    },
    ...buildOptionalEndpoints(options),
  };
}

function buildBroadcast({ options, origins }: Resolved): BroadcastSettings {
  const adapters = options.broadcast_adapters.map((name) =>
    oneOf(name, ["http", "redis", "redisx", "nats"], "http"),
  );
  return { adapters, isAsked: isBroadcastAsked(options, origins) };
}

/** False when publications come in where the built-in default says, and nobody named a Redis either. */
function isBroadcastAsked(options: Options, origins: OptionOrigins): boolean {
  if (origins.has("broadcast_adapters") || !isDefault(options, "broadcast_adapters")) return true;
  return !isDefault(options, "redis.url");
}
