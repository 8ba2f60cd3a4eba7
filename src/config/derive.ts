import { applyDeprecated, deprecationWarnings } from "./deprecated.ts";
import { DEFAULTS, isDefault, type OpenOptions } from "./option-set.ts";
import { type DoorKeys, resolveSecrets } from "./secrets.ts";
import { unsetKeys } from "./unset.ts";

/** What came of the first round of settling, beside the changed options. */
export interface Derived {
  readonly keys: DoorKeys;
  /** For standard output, may have several lines each. */
  readonly warnings: readonly string[];
}

/**
 * Settles options that follow from others, before presets and printing. Changes `options`.
 * Source: spec "config", section 5.
 */
export function derive(options: OpenOptions): Derived {
  if (options["logging.debug"]) options["logging.level"] = "debug";
  if (options["metrics.port"] === 0) options["metrics.port"] = options["server.port"];
  options["rpc.proxy_headers"] = options["rpc.proxy_headers"].map((name) => name.toLowerCase());
  if (options["embedded_nats.enabled"] && isDefault(options, "nats.servers")) {
    options["nats.servers"] = options["embedded_nats.service_addr"];
  }
  if (options.pubsub_adapter === "" && wantsRedis(options)) {
    options.pubsub_adapter = "redis";
  }
  const warnings = deprecationWarnings(options, separateChannels(options));
  applyDeprecated(options);
  if (options.norpc) options["rpc.implementation"] = "none";
  const keys = resolveSecrets(options);
  options.unset = unsetKeys(options);
  return { keys, warnings };
}

/** True when something asks for Redis between nodes. */
function wantsRedis(options: OpenOptions): boolean {
  return (
    options["redis.url"] !== DEFAULTS["redis.url"] ||
    options.broadcast_adapters.includes("redisx") ||
    options["broker.adapter"] === "redis"
  );
}

function separateChannels(options: OpenOptions): string | null {
  const channel = options["redis_pubsub_broadcast.channel"];
  if (!options.broadcast_adapters.includes("redis")) return null;
  if (options["redis_pubsub.channel"] !== channel) return null;
  options["redis_pubsub.channel"] = `${channel}-int`;
  return `WARNING: Same Redis channel is used for broadcasts and for pub/sub: ${channel}. Using ${channel}-int for pub/sub`;
}
