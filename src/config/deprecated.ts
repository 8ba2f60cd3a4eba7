import { isDefault, type OpenOptions } from "./option-set.ts";
import type { Options } from "./option-table.ts";

/**
 * What users of old options should write instead, in the reference's order; one text per option, three lines each.
 * @param collision the warning of the channel collision, which comes in between
 * Source: spec "config", section 7.
 */
export function deprecationWarnings(options: Options, collision: string | null): string[] {
  return [
    ...old(options.metrics_log_interval > 0, "metrics_log_interval", "metrics_rotate_interval"),
    ...old(options.disable_disconnect, "disable_disconnect", "disconnect_mode=never"),
    ...old(options.disconnect_timeout > 0, "disconnect_timeout", "shutdown_timeout"),
    ...(collision === null ? [] : [collision]),
    ...old(options.turbo_rails_key !== "", "turbo_rails_key", "turbo_streams_secret"),
    ...old(options.turbo_rails_cleartext, "turbo_rails_cleartext", "public_streams"),
    ...old(options.cable_ready_key !== "", "cable_ready_key", "cable_ready_secret"),
    ...old(options.cable_ready_cleartext, "cable_ready_cleartext", "public_streams"),
    ...old(options.jwt_id_key !== "", "jwt_id_key", "jwt_secret"),
    ...old(options.jwt_id_param !== "", "jwt_id_param", "jwt_param"),
    ...old(options.jwt_id_enforce, "jwt_id_enforce", "enforce_jwt"),
    ...old(options["http_broadcast.secret"] !== "", "http_broadcast_secret", "broadcast_key"),
  ];
}

/** Carries the values of old options over to the new ones. Changes `options`. Source: spec "config", section 7. */
export function applyDeprecated(options: OpenOptions): void {
  if (options["metrics.rotate_interval"] === 0) {
    options["metrics.rotate_interval"] = Math.max(0, options.metrics_log_interval);
  }
  if (options.disable_disconnect) options["app.disconnect_mode"] = "never";
  if (options.turbo_rails_key !== "") {
    options["streams.turbo"] = true;
    options["streams.turbo_secret"] = options.turbo_rails_key;
  }
  if (options.cable_ready_key !== "") {
    options["streams.cable_ready"] = true;
    options["streams.cable_ready_secret"] = options.cable_ready_key;
  }
  if (options.jwt_id_param !== "" && isDefault(options, "jwt.param")) {
    options["jwt.param"] = options.jwt_id_param;
  }
  if (options.jwt_id_enforce) options["jwt.force"] = true;
}

function old(isUsed: boolean, name: string, instead: string): string[] {
  if (!isUsed) return [];
  return [
    [
      `DEPRECATION WARNING: ${name} option is deprecated`,
      "and will be removed in the next major version.",
      `Use ${instead} instead.`,
    ].join("\n"),
  ];
}
