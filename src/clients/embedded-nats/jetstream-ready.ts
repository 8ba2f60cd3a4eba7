import { connect } from "nats";
import { errorText } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { ListenAddress } from "./address.ts";

/** A stream nobody has: asking for it shows whether somebody can answer. */
const QUESTION = "$JS.API.STREAM.INFO.__anycable__ready__";
const ASK_EVERY_MS = 1000;

/**
 * Asks once a second until JetStream answers: in a cluster that takes a majority of the servers. Tells it at debug level;
 * gives up silently when the time is over.
 * @returns whether it answered
 */
export async function awaitJetStream(
  options: { readonly address: ListenAddress; readonly limitMs: number },
  deps: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal },
): Promise<boolean> {
  const deadline = deps.clock.now() + options.limitMs;
  while (!deps.signal.aborted && deps.clock.now() < deadline) {
    if (await answers(options.address, deps.log)) {
      deps.log.debug("JetStream cluster is ready");
      return true;
    }
    await new Promise<void>((resolve) => {
      const timer = deps.clock.after(ASK_EVERY_MS, resolve);
      deps.signal.addEventListener(
        "abort",
        () => {
          timer.cancel();
          resolve();
        },
        { once: true },
      );
    });
  }
  return false;
}

async function answers({ host, port }: ListenAddress, log: Log): Promise<boolean> {
  try {
    const name = LOCAL.get(host) ?? host;
    const servers = [`${name.includes(":") ? `[${name}]` : name}:${port}`];
    const connection = await connect({ servers, reconnect: false, timeout: ASK_EVERY_MS });
    try {
      await connection.request(QUESTION, "", { timeout: ASK_EVERY_MS });
      return true;
    } finally {
      await connection.close();
    }
  } catch (error) {
    log.debug("JetStream is not ready yet", { error: errorText(error) });
    return false;
  }
}

/** Where to reach a server that listens everywhere. */
const LOCAL: ReadonlyMap<string, string> = new Map([
  ["", "127.0.0.1"],
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);
