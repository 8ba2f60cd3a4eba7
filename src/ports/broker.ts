import type { StreamPosition } from "../messages/command.ts";
import type { Publication, PublicationSource } from "../messages/publication.ts";
import type { RemoteCommand } from "../messages/remote-command.ts";

/** Publications in ascending offset, or the reason why they cannot be had. */
export type History =
  | { readonly ok: true; readonly publications: readonly Publication[] }
  | { readonly ok: false; readonly reason: string };

/**
 * What is remembered of streams. Plain data in and out: an implementation may live in another thread.
 * Publications of one stream are passed on in the order in which `publish` was called.
 */
export interface Broker {
  /**
   * Stores the publication unless it is transient, gives it a position, passes it to every node.
   * @param source lets a broker that can tell store a repeated publication only once
   * @throws {ServerError} `publish_failed` when it was not taken
   */
  publish(publication: Publication, source?: PublicationSource): Promise<void>;
  /** Passes the command to every node, this one included. */
  command(remote: RemoteCommand): Promise<void>;
  /** Resolves when publications of the stream reach this node. Counted: one `unsubscribe` per call that did not reject. */
  subscribe(stream: string): Promise<void>;
  unsubscribe(stream: string): Promise<void>;
  /** Publications after a known position. */
  historyFrom(stream: string, position: StreamPosition): Promise<History>;
  /** Publications not older than a UNIX time in seconds; none, not an error, for an unknown stream. */
  historySince(stream: string, sinceS: number): Promise<History>;
}
