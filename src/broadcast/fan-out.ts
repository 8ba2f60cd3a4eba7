import { parseBroadcast } from "../messages/broadcast.ts";
import { truncate } from "../messages/truncate.ts";
import type { Delivery } from "../ports/delivery.ts";
import type { Log } from "../ports/log.ts";
import type { Counter, Metrics } from "../ports/metrics.ts";

/**
 * Takes what an application sends to all nodes at once and delivers it on this one: no broker, no positions, not counted
 * as a publication. Never throws, never waits. Source: spec "messaging", section 1.
 */
export class FanOutHandler {
  readonly #delivery: Delivery;
  readonly #log: Log;
  readonly #malformed: Counter;

  constructor(deps: {
    readonly delivery: Delivery;
    readonly metrics: Metrics;
    readonly log: Log;
  }) {
    this.#delivery = deps.delivery;
    this.#log = deps.log.with({ context: "node" });
    this.#malformed = deps.metrics.counter(
      "failed_broadcast_msg_total",
      "The total number of unrecognized messages received from broadcasters",
    );
  }

  handle(body: string): void {
    if (this.#log.isDebug) this.#log.debug("received pubsub message", { data: truncate(body) });
    const broadcast = parseBroadcast(body);
    switch (broadcast.kind) {
      case "publication":
        this.#delivery.deliver(broadcast.publication);
        return;
      case "batch":
        if (broadcast.skipped > 0) {
          this.#log.warn("publications without a stream skipped", { skipped: broadcast.skipped });
        }
        for (const publication of broadcast.publications) this.#delivery.deliver(publication);
        return;
      case "command":
        this.#delivery.command(broadcast.command);
        return;
      case "malformed":
        this.#malformed.add();
        this.#log.warn("failed to parse pubsub message", {
          data: truncate(body),
          error: broadcast.error,
        });
    }
  }
}
