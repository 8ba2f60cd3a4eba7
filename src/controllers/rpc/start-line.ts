import { type AdaptiveBounds, normalBounds } from "./adaptive.ts";
import { isTlsOn } from "./grpc/tls.ts";
import { withoutUser } from "./http/base-url.ts";
import { implementationOf, type RpcOptions } from "./options.ts";

/** What is used in place of a negative number. */
export const DEFAULT_CONCURRENCY = 28;

/** Calls at once: a number, or bounds between which it is found out. */
export function concurrencyOf(options: RpcOptions): number | AdaptiveBounds {
  if (options.concurrency > 0) return options.concurrency;
  if (options.concurrency < 0) return DEFAULT_CONCURRENCY;
  return normalBounds({
    initial: options.concurrencyInitial,
    min: options.concurrencyMin,
    max: options.concurrencyMax,
  });
}

/** `28`, or `auto (initial=25, min=5, max=100)` */
export function concurrencyText(options: RpcOptions): string {
  const concurrency = concurrencyOf(options);
  if (typeof concurrency === "number") return String(concurrency);
  const { initial, min, max } = concurrency;
  return `auto (initial=${initial}, min=${min}, max=${max})`;
}

/**
 * The line that tells at the start how the application is called; belongs under `context=rpc`.
 * @param proxyHeaders names of client headers passed on
 * @param proxyCookies names of cookies passed on; none means all
 * Source: spec "rpc", section 8.2
 */
export function startLine(
  options: RpcOptions,
  proxyHeaders: readonly string[],
  proxyCookies: readonly string[],
): string {
  const details = [
    `concurrency: ${concurrencyText(options)}`,
    `impl: ${implementationOf(options)}`,
    `enable_tls: ${isTlsOn(options.tls)}`,
    `proto_versions: ${options.protoVersions}`,
    `proxy_headers: ${proxyHeaders.join(",") || "<none>"}`,
    `proxy_cookies: ${proxyCookies.join(",") || "<all>"}`,
  ];
  return `RPC controller initialized: ${withoutUser(options.host)} (${details.join(", ")})`;
}
