import type { StreamPosition } from "../messages/command.ts";
import type { Publication } from "../messages/publication.ts";
import type { RemoteCommand } from "../messages/remote-command.ts";
import { ServerError } from "../messages/server-error.ts";
import type { Broker, History } from "../ports/broker.ts";
import type { Log } from "../ports/log.ts";
import type { PubSub } from "../ports/pubsub.ts";
import type { Service } from "../ports/service.ts";
import type { StreamTail } from "../ports/stream-tail.ts";

/** Everything goes straight to `pubsub`. */
export interface NullBrokerDeps {
  readonly pubsub: PubSub;
  readonly log: Log;
}

const UNSUPPORTED: History = Object.freeze({ ok: false, reason: "history not supported" });

/** No memory: publications pass as they are, a position the application gave included; history is refused. */
export class NullBroker implements Broker, StreamTail, Service {
  readonly name = "no-op broker";
  readonly #pubsub: PubSub;
  readonly #log: Log;
  #isHintGiven = false;

  constructor(deps: NullBrokerDeps) {
    this.#pubsub = deps.pubsub;
    this.#log = deps.log;
  }

  async start(): Promise<void> {
    this.#log.info("Using no-op (legacy) broker");
  }

  async stop(_signal: AbortSignal): Promise<void> {
    // Nothing was started.
  }

  publish(publication: Publication): Promise<void> {
    return this.#pubsub.publish(publication);
  }

  command(remote: RemoteCommand): Promise<void> {
    return this.#pubsub.command(remote);
  }

  subscribe(stream: string): Promise<void> {
    return this.#pubsub.subscribe(stream);
  }

  unsubscribe(stream: string): Promise<void> {
    return this.#pubsub.unsubscribe(stream);
  }

  async historyFrom(_stream: string, _position: StreamPosition): Promise<History> {
    return this.#unsupported();
  }

  async historySince(_stream: string, _sinceS: number): Promise<History> {
    return this.#unsupported();
  }

  async peak(_stream: string): Promise<StreamPosition | null> {
    throw new ServerError("history_unsupported", "history not supported: no broker is configured");
  }

  /** Clients that ask for history would like to have it: somebody should hear of it, once. */
  #unsupported(): History {
    if (!this.#isHintGiven) {
      this.#isHintGiven = true;
      this.#log.warn(
        "clients ask for history, but none is kept: set --broker (memory, redis, nats)",
      );
    }
    return UNSUPPORTED;
  }
}
