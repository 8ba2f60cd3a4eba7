import type { Publication } from "../messages/publication.ts";
import type { RemoteCommand } from "../messages/remote-command.ts";
import type { Delivery } from "../ports/delivery.ts";
import type { PubSub } from "../ports/pubsub.ts";

/** One node on its own: everything is delivered before `publish` and `command` return, subscribed to or not. */
export class LocalPubSub implements PubSub {
  private readonly delivery: Delivery;

  constructor(deps: { readonly delivery: Delivery }) {
    this.delivery = deps.delivery;
  }

  publish(publication: Publication): Promise<void> {
    this.delivery.deliver(publication);
    return Promise.resolve();
  }

  command(remote: RemoteCommand): Promise<void> {
    this.delivery.command(remote);
    return Promise.resolve();
  }

  subscribe(): Promise<void> {
    return Promise.resolve();
  }

  unsubscribe(): Promise<void> {
    return Promise.resolve();
  }
}
