import type { Settings } from "../config/settings.ts";
import { JwtController } from "../controllers/identity/jwt.ts";
import { PublicController } from "../controllers/identity/public.ts";
import { LoggedController } from "../controllers/logged.ts";
import { createNullController } from "../controllers/null.ts";
import { RouterController } from "../controllers/router.ts";
import { type ControllerService, createRpcController } from "../controllers/rpc/create.ts";
import type { RpcOptions } from "../controllers/rpc/options.ts";
import { startLine } from "../controllers/rpc/start-line.ts";
import { createStreamChannels } from "../controllers/streams/channels.ts";
import type { Clock } from "../ports/clock.ts";
import type { Controller } from "../ports/controller.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { Service } from "../ports/service.ts";

/** Who decides, from the outside in, and the service behind it. */
export interface Controllers {
  readonly controller: Controller;
  /** The life of the calls to the application; without one, a line in the log. */
  readonly rpc: Service;
}

const PROTO_VERSIONS = "v1";

/** Channels of the built-in routes that the start line names. */
const HIDDEN_CHANNELS: readonly string[] = ["$pusher"];

/** Wraps the ways to know clients and streams around the application. Each is one line here. */
export function createControllers(
  settings: Settings,
  deps: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics },
): Controllers {
  const { log, clock } = deps;
  const channels = createStreamChannels(settings.streams);
  const rpc = createApplication(settings, deps);
  let controller: Controller = new RouterController(
    { channels, reservedStreams: reservedStreams(settings) },
    { next: rpc.controller, log },
  );
  if (settings.isNoAuth) controller = new PublicController({ next: controller });
  if (settings.jwt !== null) {
    controller = new JwtController(settings.jwt, { next: controller, clock, log });
  }
  if (log.isDebug) controller = new LoggedController({ next: controller, log });
  return { controller, rpc };
}

function createApplication(
  settings: Settings,
  deps: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics },
): ControllerService {
  if (settings.rpc.implementation === "none") return createNullController(deps);
  return createRpcController(rpcOptions(settings), { ...deps, random: Math.random });
}

function rpcOptions({ rpc }: Settings): RpcOptions {
  return { ...rpc, protoVersions: PROTO_VERSIONS };
}

/** The info lines of the application's connection, once it can be asked. */
export function logApplication(settings: Settings, log: Log): void {
  const { rpc } = settings;
  if (rpc.implementation === "none") return;
  const rpcLog = log.with({ context: "rpc" });
  if (rpc.isSecretDerived && rpc.implementation === "http") {
    rpcLog.info("auto-generated authorization secret from the application secret");
  }
  rpcLog.info(startLine(rpcOptions(settings), rpc.headers, rpc.cookies));
}

/** Info lines about who is let in and which channels need no application. */
export function logControllers(settings: Settings, log: Log): void {
  const { jwt } = settings;
  if (jwt !== null) {
    log.info(`JWT authentication is enabled (param: ${jwt.param}, enforced: ${jwt.isEnforced})`);
  }
  if (settings.isNoAuth) log.info("connection authentication is disabled");
  const channels = [...createStreamChannels(settings.streams).keys()];
  const shown = channels.filter((channel) => !HIDDEN_CHANNELS.includes(channel));
  if (shown.length > 0) log.info(`Using channels router: ${shown.join(", ")}`);
}

/**
 * Channels and subjects on which nodes talk to each other, and those on which the application talks to them: a node that
 * listened there once more, as to a stream, would deliver every publication and execute every command twice.
 */
function reservedStreams(settings: Settings): readonly string[] {
  const { pubsub, broadcast, redisPubsubBroadcast, natsBroadcast } = settings;
  const names = [pubsub.redis.channel, pubsub.nats.channel];
  if (broadcast.adapters.includes("redis")) names.push(redisPubsubBroadcast.channel);
  if (broadcast.adapters.includes("nats")) names.push(natsBroadcast.channel);
  return names;
}
