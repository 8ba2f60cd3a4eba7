import type { Publication } from "../../src/messages/publication.ts";
import type { RemoteCommand } from "../../src/messages/remote-command.ts";
import type { ServerError } from "../../src/messages/server-error.ts";
import type { PubSub } from "../../src/ports/pubsub.ts";
import { RecordingDelivery } from "./recording-delivery.ts";

/** A PubSub of one node: whatever is published arrives in `delivery` within the call, subscribed or not. */
export class RecordingPubSub implements PubSub {
  readonly delivery: RecordingDelivery;
  /** How often each stream is subscribed to. */
  readonly subscriptions = new Map<string, number>();
  /** When set, `publish` and `command` reject with it and deliver nothing. */
  failure: ServerError | null = null;

  constructor(delivery = new RecordingDelivery()) {
    this.delivery = delivery;
  }

  async publish(publication: Publication): Promise<void> {
    if (this.failure !== null) throw this.failure;
    this.delivery.deliver(publication);
  }

  async command(remote: RemoteCommand): Promise<void> {
    if (this.failure !== null) throw this.failure;
    this.delivery.command(remote);
  }

  async subscribe(stream: string): Promise<void> {
    this.subscriptions.set(stream, (this.subscriptions.get(stream) ?? 0) + 1);
  }

  async unsubscribe(stream: string): Promise<void> {
    const count = (this.subscriptions.get(stream) ?? 0) - 1;
    if (count < 0) throw new RangeError(`${stream} was not subscribed to`);
    if (count === 0) this.subscriptions.delete(stream);
    else this.subscriptions.set(stream, count);
  }
}
