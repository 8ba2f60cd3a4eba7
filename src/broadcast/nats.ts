import { NatsLink, type NatsLinkOptions, type ServerBack } from "../clients/nats/link.ts";
import { configuredSubject } from "../clients/nats/subject.ts";
import type { NatsSubscription } from "../clients/nats/subscription.ts";
import { errorText } from "../messages/server-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Service } from "../ports/service.ts";
import type { FanOutHandler } from "./fan-out.ts";

/** `channel` is where applications publish; it may hold wildcards. */
export interface NatsBroadcasterOptions extends Omit<NatsLinkOptions, "name"> {
  readonly channel: string;
}

/**
 * `handler` takes what arrives. `onFatal` is called once, when NATS stayed away for too long: the process should end with
 * this message.
 */
export interface NatsBroadcasterDeps {
  readonly handler: Pick<FanOutHandler, "handle">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly onFatal: (message: string) => void;
  readonly onServerBack?: ServerBack;
}

/**
 * Publications by NATS; every node gets them all.
 *
 *     PUB __anycable__ 55
 *     {"stream":"chat/42","data":"{\"text\":\"hi\"}"}
 *
 * At most once: what is published while a node is away from NATS, it does not get.
 * Source: spec "messaging", section 9.2; docs/nats.md.
 */
export class NatsBroadcaster implements Service {
  readonly name = "NATS broadcaster";
  readonly #channel: string;
  readonly #handler: Pick<FanOutHandler, "handle">;
  readonly #log: Log;
  readonly #link: NatsLink;

  /** @throws {ServerError} `invalid_nats_url`, `invalid_subject` */
  constructor(options: NatsBroadcasterOptions, deps: NatsBroadcasterDeps) {
    this.#channel = configuredSubject("nats_channel", options.channel);
    this.#handler = deps.handler;
    this.#log = deps.log.with({ context: "broadcast", provider: "nats" });
    this.#link = new NatsLink({ ...options, name: this.name }, { ...deps, log: this.#log });
  }

  /** Resolves when NATS is there and listens for us, or was found to be away, after a second at the latest. */
  async start(): Promise<void> {
    this.#log.info("subscribing for broadcasts", { channel: this.#channel });
    const subscription = this.#link.subscribe(this.#channel, (message) =>
      this.#handler.handle(message.string()),
    );
    await this.#link.start();
    if (this.#link.isUp) await this.#confirm(subscription);
  }

  async stop(signal: AbortSignal): Promise<void> {
    await this.#link.stop(signal);
  }

  async #confirm(subscription: NatsSubscription): Promise<void> {
    try {
      await subscription.ready;
    } catch (error) {
      this.#log.error("failed to subscribe", { channel: this.#channel, error: errorText(error) });
    }
  }
}
