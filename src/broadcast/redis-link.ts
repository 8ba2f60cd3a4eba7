import { Link, type LinkOwner } from "../clients/redis/link.ts";
import { retryLog } from "../clients/redis/link-log.ts";
import type { NodeConnection } from "../clients/redis/node-connection.ts";
import type { RedisTarget } from "../clients/redis/target.ts";
import type { ServerError } from "../messages/server-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";

/** What Redis broadcasters have in common. */
export interface RedisBroadcastOptions {
  readonly target: RedisTarget;
  readonly maxReconnectAttempts: number;
  /** False when the broadcaster is on only by default: a Redis that is away is then told once, and never fatal. */
  readonly isAskedFor: boolean;
}

/** `onFatal` is called once, when Redis stayed away for too long: the process should end with this message. */
export interface RedisBroadcastDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly onFatal: (message: string) => void;
}

/**
 * A broadcaster's own part of a link; `exhausted` is what `onFatal` will be told when Redis stays away too long. One that
 * is not `isFatal` says it in the log, once per outage, and goes on trying: a consumer that is dead for good helps nobody.
 */
export type BroadcastWork = Pick<LinkOwner<NodeConnection>, "open" | "run" | "lost"> & {
  readonly exhausted: string;
  readonly isFatal: boolean;
};

/** A link that reports as the options want it. `deps.log` names the broadcaster. */
export function createBroadcastLink(
  options: RedisBroadcastOptions,
  work: BroadcastWork,
  deps: RedisBroadcastDeps,
): Link<NodeConnection> {
  if (options.isAskedFor && !work.isFatal) return createPatientLink(options, work, deps);
  if (options.isAskedFor) {
    const owner = {
      ...work,
      ...retryLog(deps.log),
      exhausted: () => deps.onFatal(work.exhausted),
    };
    return new Link(
      { maxAttempts: options.maxReconnectAttempts },
      owner satisfies LinkOwner<NodeConnection>,
      deps,
    );
  }
  return new Link({ maxAttempts: null }, { ...work, ...quietly(deps.log) }, deps);
}

function createPatientLink(
  options: RedisBroadcastOptions,
  work: BroadcastWork,
  deps: RedisBroadcastDeps,
): Link<NodeConnection> {
  let failures = 0;
  const owner = {
    ...work,
    ...retryLog(deps.log),
    lost: (error: ServerError, wasUp: boolean) => {
      failures = wasUp ? 1 : failures + 1;
      work.lost(error, wasUp);
      if (failures === options.maxReconnectAttempts + 1) deps.log.error(work.exhausted);
    },
    exhausted: () => undefined,
  };
  return new Link({ maxAttempts: null }, owner, deps);
}

function quietly(
  log: Log,
): Pick<LinkOwner<NodeConnection>, "lost" | "waiting" | "retrying" | "exhausted"> {
  let isKnown = false;
  return {
    lost: (error, wasUp) => {
      if (wasUp) isKnown = false;
      if (isKnown) log.debug("Redis is still away", { error: error.message });
      else {
        log.warn("Redis cannot be reached, going on without it and trying in the background", {
          error: error.message,
        });
      }
      isKnown = true;
    },
    waiting: () => undefined,
    retrying: () => undefined,
    exhausted: () => undefined,
  };
}
