import type { StreamPosition } from "../../src/messages/command.ts";
import type { Publication } from "../../src/messages/publication.ts";
import type { RemoteCommand } from "../../src/messages/remote-command.ts";
import type { Broker, History } from "../../src/ports/broker.ts";
import type { Delivery } from "../../src/ports/delivery.ts";

/** A broker of one node that keeps account of subscriptions, and makes callers wait or fail as told. */
export class CountingBroker implements Broker {
  readonly published: Publication[] = [];
  /** Subscriptions held, by stream; a stream nobody holds is not there. */
  readonly held = new Map<string, number>();
  /** Answers by stream; a position or time that is asked for is ignored. */
  readonly histories = new Map<string, History>();
  /** Awaited, or thrown from, by every `subscribe`. */
  onSubscribe: (stream: string) => void | Promise<void> = () => undefined;
  onPublish: () => void | Promise<void> = () => undefined;
  private readonly delivery: Delivery;

  constructor(deps: { readonly delivery: Delivery }) {
    this.delivery = deps.delivery;
  }

  async publish(publication: Publication): Promise<void> {
    await this.onPublish();
    this.published.push(publication);
    this.delivery.deliver(publication);
  }

  async command(remote: RemoteCommand): Promise<void> {
    this.delivery.command(remote);
  }

  async subscribe(stream: string): Promise<void> {
    this.held.set(stream, (this.held.get(stream) ?? 0) + 1);
    try {
      await this.onSubscribe(stream);
    } catch (error) {
      // A caller may have given up meanwhile: then it is not held any more.
      if (this.held.has(stream)) this.drop(stream);
      throw error;
    }
  }

  /** @throws {RangeError} when nobody holds the stream: it was released twice */
  async unsubscribe(stream: string): Promise<void> {
    this.drop(stream);
  }

  async historyFrom(stream: string, _position: StreamPosition): Promise<History> {
    return this.histories.get(stream) ?? { ok: false, reason: "stream not found" };
  }

  async historySince(stream: string, _sinceS: number): Promise<History> {
    return this.histories.get(stream) ?? { ok: true, publications: [] };
  }

  private drop(stream: string): void {
    const count = (this.held.get(stream) ?? 0) - 1;
    if (count < 0) throw new RangeError(`${stream} was not subscribed to`);
    if (count === 0) this.held.delete(stream);
    else this.held.set(stream, count);
  }
}
