import type { Publication } from "../messages/publication.ts";
import type { RemoteCommand } from "../messages/remote-command.ts";
import type { Broker, History } from "../ports/broker.ts";
import type { PubSub } from "../ports/pubsub.ts";

const UNSUPPORTED: History = { ok: false, reason: "history not supported" };

/**
 * Remembers nothing: publications go on as they came, with the position the application gave them, if any.
 * Every question about history is refused.
 */
export class NoBroker implements Broker {
  private readonly pubsub: PubSub;

  constructor(deps: { readonly pubsub: PubSub }) {
    this.pubsub = deps.pubsub;
  }

  publish(publication: Publication): Promise<void> {
    return this.pubsub.publish(publication);
  }

  command(remote: RemoteCommand): Promise<void> {
    return this.pubsub.command(remote);
  }

  subscribe(stream: string): Promise<void> {
    return this.pubsub.subscribe(stream);
  }

  unsubscribe(stream: string): Promise<void> {
    return this.pubsub.unsubscribe(stream);
  }

  historyFrom(): Promise<History> {
    return Promise.resolve(UNSUPPORTED);
  }

  historySince(): Promise<History> {
    return Promise.resolve(UNSUPPORTED);
  }
}
