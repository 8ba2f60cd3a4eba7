import { parseBroadcast } from "../messages/broadcast.ts";
import type { Publication, PublicationSource } from "../messages/publication.ts";
import type { RemoteCommand } from "../messages/remote-command.ts";
import { errorText } from "../messages/server-error.ts";
import { truncate } from "../messages/truncate.ts";
import type { Broker } from "../ports/broker.ts";
import type { Log } from "../ports/log.ts";
import type { Counter, Metrics } from "../ports/metrics.ts";

/** What became of a message of the application; `failed`: it may be sent again, a batch in part for the second time. */
export type BroadcastOutcome = "handled" | "failed";

/** What the handler needs of the broker. */
export type BroadcastTarget = Pick<Broker, "publish" | "command">;

/**
 * Takes what an application sends to one node and passes it to the broker. A batch goes in order and stops at the
 * first failure. A malformed message counts as handled: sending it again cannot help. Never throws.
 */
export class BroadcastHandler {
  private readonly broker: BroadcastTarget;
  private readonly log: Log;
  private readonly publications: Counter;
  private readonly malformed: Counter;

  constructor(deps: {
    readonly broker: BroadcastTarget;
    readonly metrics: Metrics;
    readonly log: Log;
  }) {
    this.broker = deps.broker;
    this.log = deps.log.with({ context: "node" });
    this.publications = deps.metrics.counter(
      "publications_total",
      "The total number of publications received",
    );
    this.malformed = deps.metrics.counter(
      "failed_broadcast_msg_total",
      "The total number of unrecognized messages received from broadcasters",
    );
  }

  async handle(body: string, source?: PublicationSource): Promise<BroadcastOutcome> {
    const broadcast = parseBroadcast(body);
    if (broadcast.kind === "malformed") {
      this.malformed.add();
      this.log.warn("failed to parse pubsub message", {
        data: truncate(body),
        error: broadcast.error,
      });
      return "handled";
    }
    // An entry that is tried again is counted when it was taken.
    if (source === undefined) this.publications.add();
    try {
      if (broadcast.kind === "publication") {
        await this.publish(broadcast.publication, source);
      } else if (broadcast.kind === "batch") await this.publishAll(broadcast, source);
      else await this.command(broadcast.command);
      if (source !== undefined) this.publications.add();
      return "handled";
    } catch (error) {
      this.log.error("failed to publish message", { error: errorText(error) });
      return "failed";
    }
  }

  private async publish(publication: Publication, source?: PublicationSource): Promise<void> {
    if (this.log.isDebug) {
      this.log.debug("handle broadcast message", {
        payload: { stream: publication.stream, data: truncate(publication.data) },
      });
    }
    await this.broker.publish(publication, source);
  }

  private async publishAll(
    batch: { readonly publications: readonly Publication[]; readonly skipped: number },
    source?: PublicationSource,
  ): Promise<void> {
    if (this.log.isDebug) {
      this.log.debug("handle batch-broadcast message", { size: batch.publications.length });
    }
    if (batch.skipped > 0) {
      this.log.warn("publications without a stream skipped", { skipped: batch.skipped });
    }
    for (const [index, publication] of batch.publications.entries()) {
      const own = source === undefined ? source : { ...source, id: `${source.id}/${index}` };
      await this.broker.publish(publication, own);
    }
  }

  private async command(command: RemoteCommand): Promise<void> {
    if (this.log.isDebug) this.log.debug("handle remote command", { command: command.command });
    await this.broker.command(command);
  }
}
