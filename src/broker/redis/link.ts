import { CommandLink } from "../../clients/redis/commands.ts";
import { retryLog } from "../../clients/redis/link-log.ts";
import type { RedisScript } from "../../clients/redis/script.ts";
import type { RedisTarget } from "../../clients/redis/target.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";

/** `scripts`: all that the users of the link will run, so that every server knows them from the start. */
export interface BrokerLinkOptions {
  readonly target: RedisTarget;
  readonly maxReconnectAttempts: number;
  readonly scripts: readonly RedisScript[];
}

/** `onFatal` is called once, when Redis stayed away for too long: the process should end with this message. */
export interface BrokerLinkDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly onFatal: (message: string) => void;
  /** Called each time the connection is there. */
  readonly onUp?: () => void;
}

/** The one connection of broker, session store and presence store. Start it before them, stop it after them. */
export function createBrokerLink(options: BrokerLinkOptions, deps: BrokerLinkDeps): CommandLink {
  const { target, maxReconnectAttempts, scripts } = options;
  const log = deps.log.with({ context: "broker", provider: "redis" });
  const { waiting, retrying } = retryLog(log);
  return new CommandLink(
    {
      target,
      name: "Redis broker link",
      maxAttempts: maxReconnectAttempts,
      scripts,
      isKeyed: true,
    },
    {
      clock: deps.clock,
      random: deps.random,
      events: {
        up: () => {
          log.debug("Redis broker is connected");
          deps.onUp?.();
        },
        lost: (error, wasUp) => {
          const text = wasUp ? "Redis connection failed" : "failed to connect to Redis";
          log.error(text, { error: error.message });
        },
        waiting,
        retrying,
        exhausted: () => deps.onFatal("Redis reconnect attempts exceeded"),
      },
    },
  );
}
