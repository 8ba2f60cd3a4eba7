import { errorText, ServerError } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Controller } from "../../ports/controller.ts";
import type { Log } from "../../ports/log.ts";
import type { Metrics } from "../../ports/metrics.ts";
import type { Service } from "../../ports/service.ts";
import { AdaptiveConcurrency } from "./adaptive.ts";
import type { Backend } from "./backend.ts";
import { Calls } from "./calls.ts";
import { RpcController } from "./controller.ts";
import { GrpcBackend } from "./grpc/backend.ts";
import { isTlsOn, loadTlsSettings } from "./grpc/tls.ts";
import { HttpBackend } from "./http/backend.ts";
import { Breaker } from "./http/breaker.ts";
import { implementationOf, type RpcOptions } from "./options.ts";
import { Permits } from "./permits.ts";
import { capacityGauge, connectionsGauge, createRpcMetrics } from "./rpc-metrics.ts";
import { RpcService } from "./service.ts";
import { concurrencyOf } from "./start-line.ts";

export interface RpcDeps {
  readonly clock: Clock;
  /** Without context. */
  readonly log: Log;
  readonly metrics: Metrics;
  /** A number from 0 to below 1. */
  readonly random: () => number;
}

/** A controller and its lifetime. Calls may come from `start` on; the connection is made with the first one. */
export interface ControllerService extends Service {
  readonly controller: Controller;
}

const DEFAULT_HTTP_TIMEOUT_MS = 3000;

/**
 * The controller that asks the application. `none` is not its business: see `createNullController`.
 * @throws {ServerError} `rpc_init_failed` when the options cannot work; an absent application is no error
 */
export function createRpcController(options: RpcOptions, deps: RpcDeps): ControllerService {
  const { clock } = deps;
  const log = deps.log.with({ context: "rpc" });
  const backend = initialized(() => createBackend(options, deps));
  const metrics = createRpcMetrics(deps.metrics);
  const concurrency = concurrencyOf(options);
  warnOfConcurrency(options, log);
  const initial = typeof concurrency === "number" ? concurrency : concurrency.initial;
  const permits = new Permits(initial, { pending: metrics.pending });
  const adaptive =
    typeof concurrency === "number"
      ? null
      : new AdaptiveConcurrency(concurrency, {
          clock,
          permits,
          capacity: capacityGauge(deps.metrics),
        });
  const calls = new Calls(
    {
      requestTimeoutMs: attemptTimeoutMs(options),
      commandTimeoutMs: options.commandTimeoutMs,
    },
    {
      clock,
      log,
      metrics,
      permits,
      refusal: () => backend.refusal(),
      failureOf: (error) => backend.failureOf(error),
      exhausted: () => adaptive?.exhausted(),
    },
  );
  const connections = backend.connections() === null ? null : connectionsGauge(deps.metrics);
  return new RpcService(
    { commandTimeoutMs: options.commandTimeoutMs },
    {
      clock,
      log,
      backend,
      calls,
      adaptive,
      connections,
      controller: new RpcController({ backend, calls, metrics }),
    },
  );
}

function createBackend(options: RpcOptions, deps: RpcDeps): Backend {
  const implementation = implementationOf(options);
  const { clock, random, log } = deps;
  const { host, secret, protoVersions, maxRecvBytes, maxSendBytes } = options;
  const tls = loadTlsSettings(options.tls);
  switch (implementation) {
    case "grpc":
      return new GrpcBackend(
        { host, tls: isTlsOn(options.tls) ? tls : null, maxRecvBytes, maxSendBytes, protoVersions },
        { clock, random, log: log.with({ context: "rpc", impl: "grpc" }) },
      );
    case "http":
      return new HttpBackend(
        { host, secret, protoVersions, tls },
        {
          clock,
          breaker: new Breaker({ clock, log: log.with({ context: "cb", name: "httrpc" }) }),
        },
      );
    default:
      throw new ServerError(
        "rpc_unknown_implementation",
        `unknown RPC implementation: ${implementation}`,
      );
  }
}

function initialized<T>(create: () => T): T {
  try {
    return create();
  } catch (error) {
    throw initFailure(error);
  }
}

function initFailure(cause: unknown): ServerError {
  const message = `failed to initialize RPC controller, cause: ${errorText(cause)}`;
  return new ServerError("rpc_init_failed", message, { cause });
}

/** Source: spec "rpc", section 8 */
function attemptTimeoutMs(options: RpcOptions): number {
  if (implementationOf(options) === "grpc") return options.requestTimeoutMs;
  if (options.httpRequestTimeoutMs > 0) return options.httpRequestTimeoutMs;
  return options.requestTimeoutMs > 0 ? options.requestTimeoutMs : DEFAULT_HTTP_TIMEOUT_MS;
}

function warnOfConcurrency(options: RpcOptions, log: Log): void {
  if (options.concurrency < 0) {
    log.warn("RPC concurrency must be positive, reverted to the default value");
  }
  if (options.concurrency === 0 && options.concurrencyMax < options.concurrencyMin) {
    log.warn("max RPC concurrency is below min, using min for both");
  }
}
