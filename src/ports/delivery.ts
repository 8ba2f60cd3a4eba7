import type { Publication } from "../messages/publication.ts";
import type { RemoteCommand } from "../messages/remote-command.ts";

/** Where publications and commands arrive on this node. Neither call throws or waits. */
export interface Delivery {
  deliver(publication: Publication): void;
  command(remote: RemoteCommand): void;
}
