import type { Publication } from "../messages/publication.ts";
import type { RemoteCommand } from "../messages/remote-command.ts";

/**
 * How nodes hear each other. Whatever is published reaches the Delivery of every node that is subscribed to the
 * stream, this one included, at most once, in order per publishing node; commands reach all nodes.
 */
export interface PubSub {
  /** @throws {ServerError} `publish_failed` when it could not be handed over */
  publish(publication: Publication): Promise<void>;
  command(remote: RemoteCommand): Promise<void>;
  /** Resolves when publications of the stream arrive here; a second caller waits for the first. Counted. */
  subscribe(stream: string): Promise<void>;
  unsubscribe(stream: string): Promise<void>;
}
