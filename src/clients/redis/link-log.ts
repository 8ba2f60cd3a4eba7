import { Duration } from "../../messages/duration.ts";
import type { Log } from "../../ports/log.ts";
import type { LinkEvents } from "./commands.ts";

/** Tells operators of the pauses between two tries, in the words their log filters know. */
export function retryLog(log: Log): Pick<LinkEvents, "waiting" | "retrying"> {
  return {
    waiting: (delayMs) => log.info(`next Redis reconnect attempt in ${new Duration(delayMs)}`),
    retrying: () => log.info("reconnecting to Redis..."),
  };
}
