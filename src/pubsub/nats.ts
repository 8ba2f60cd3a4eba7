import type { Msg } from "nats";
import { NatsLink, type NatsLinkOptions, type ServerBack } from "../clients/nats/link.ts";
import { configuredSubject, natsSubject } from "../clients/nats/subject.ts";
import { parseBroadcast } from "../messages/broadcast.ts";
import { encodeNodeCommand, encodeNodePublication } from "../messages/node-message.ts";
import type { Publication } from "../messages/publication.ts";
import type { RemoteCommand } from "../messages/remote-command.ts";
import { errorText, ServerError } from "../messages/server-error.ts";
import { truncate } from "../messages/truncate.ts";
import type { Clock } from "../ports/clock.ts";
import type { Delivery } from "../ports/delivery.ts";
import type { Log } from "../ports/log.ts";
import type { PubSub } from "../ports/pubsub.ts";
import type { Service } from "../ports/service.ts";
import { NatsStreams } from "./nats-streams.ts";

/** `channel` is the subject of commands, never left. */
export interface NatsPubSubOptions extends Omit<NatsLinkOptions, "name"> {
  readonly channel: string;
}

/** `onFatal` is called once, when NATS stayed away for too long: the process should end with this message. */
export interface NatsPubSubDeps {
  readonly delivery: Delivery;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly onFatal: (message: string) => void;
  readonly onServerBack?: ServerBack;
  /** There is a fresh connection, over which nothing has come yet. */
  readonly onReconnected?: () => void;
  /** This node hears the others, for the first time or again after a loss. */
  readonly onReturn?: () => void;
}

/**
 * Nodes that hear each other through NATS: a subject per stream, its name as it is where that can be one, and one for
 * commands. At most once; while NATS is away up to 8 MiB wait for it. A confirmed subscription hears everything published
 * on the same server; another server of a cluster may learn of it a moment later.
 * Source: spec "messaging", section 9.3; docs/nats.md.
 */
export class NatsPubSub implements PubSub, Service {
  readonly name = "NATS pub/sub";
  readonly #channel: string;
  readonly #delivery: Delivery;
  readonly #log: Log;
  readonly #link: NatsLink;
  readonly #streams: NatsStreams;

  /** @throws {ServerError} `invalid_nats_url`, `invalid_subject` */
  constructor(options: NatsPubSubOptions, deps: NatsPubSubDeps) {
    this.#channel = configuredSubject("nats_pubsub.channel", options.channel);
    this.#delivery = deps.delivery;
    this.#log = deps.log.with({ context: "pubsub" });
    this.#link = new NatsLink({ ...options, name: this.name }, { ...deps, log: this.#log });
    this.#streams = new NatsStreams(this.#channel, {
      link: this.#link,
      clock: deps.clock,
      handler: (message) => this.#receive(message),
    });
    const { onReconnected, onReturn } = deps;
    this.#link.watch((isUp) => {
      if (!isUp) return;
      onReconnected?.();
      // Reports for itself.
      if (onReturn !== undefined) void this.#listen(onReturn);
    });
  }

  /** Resolves when NATS is there or was found to be away, after a second at the latest. */
  async start(): Promise<void> {
    this.#log.info(`Starting NATS pub/sub: ${this.#link.servers}`);
    const commands = this.#streams.open();
    await this.#link.start();
    if (this.#link.isUp) await this.#heard(commands.ready);
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#streams.close();
    await this.#link.stop(signal);
  }

  /**
   * A message NATS will never take (above the server's limit, no possible subject) is logged and dropped: sending it again
   * cannot help. @throws {ServerError} `publish_failed` when too much waits already
   */
  async publish(publication: Publication): Promise<void> {
    try {
      this.#link.publish(natsSubject(publication.stream), encodeNodePublication(publication));
    } catch (error) {
      this.#fail(error, publication.stream);
    }
  }

  async command(remote: RemoteCommand): Promise<void> {
    try {
      this.#link.publish(this.#channel, encodeNodeCommand(remote));
    } catch (error) {
      this.#fail(error, this.#channel);
    }
  }

  /** @throws {ServerError} `subscribe_failed` when NATS refuses the subject, or the name is over 1 KB */
  subscribe(stream: string): Promise<void> {
    return this.#streams.acquire(stream);
  }

  async unsubscribe(stream: string): Promise<void> {
    this.#streams.release(stream);
  }

  #fail(cause: unknown, stream: string): void {
    if (cause instanceof ServerError && cause.code === "nats_outbox_full") {
      const text = `failed to publish to NATS: ${cause.message}`;
      throw new ServerError("publish_failed", text, { cause });
    }
    this.#log.error("failed to publish message", {
      stream: truncate(stream),
      error: errorText(cause),
    });
  }

  /** What was subscribed to before is known to the server when it has answered. */
  async #listen(onReturn: () => void): Promise<void> {
    try {
      await this.#link.confirm();
    } catch (error) {
      this.#log.debug("NATS was lost again", { error: errorText(error) });
      if (!this.#link.isUp) return;
    }
    onReturn();
  }

  async #heard(ready: Promise<void>): Promise<void> {
    try {
      await ready;
    } catch (error) {
      this.#log.error("failed to subscribe", { channel: this.#channel, error: errorText(error) });
    }
  }

  #receive(message: Msg): void {
    const text = message.string();
    const broadcast = parseBroadcast(text);
    switch (broadcast.kind) {
      case "publication":
        this.#delivery.deliver(broadcast.publication);
        return;
      case "command":
        this.#delivery.command(broadcast.command);
        return;
      case "batch":
        this.#log.warn("received unknown message", { channel: message.subject });
        return;
      case "malformed":
        this.#log.warn("failed to parse pubsub message", {
          channel: message.subject,
          data: truncate(text),
          error: broadcast.error,
        });
    }
  }
}
