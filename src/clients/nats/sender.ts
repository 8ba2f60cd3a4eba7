import type { NatsConnection } from "nats";
import { errorText } from "../../messages/server-error.ts";
import type { Log } from "../../ports/log.ts";
import { natsError } from "./nats-error.ts";
import { Outbox, type OutgoingMessage } from "./outbox.ts";
import type { RoundTrips } from "./round-trips.ts";

/** A connection that takes messages, and the means to ask how far the server has come. */
export interface SendingConnection {
  readonly connection: NatsConnection;
  readonly roundTrips: RoundTrips;
}

const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const CONFIRM_EVERY_BYTES = 1024 * 1024;
const encoder = new TextEncoder();

/**
 * Messages on their way out, in order: handed to the connection, or kept while there is none or its server is behind by
 * more than 8 MiB. What a connection had taken when it broke is lost.
 */
export class Sender {
  readonly #log: Log;
  readonly #outbox = new Outbox(MAX_WAITING_BYTES);
  #live: SendingConnection | null = null;
  /** Bytes handed over since the server last told how far it is. */
  #unconfirmedBytes = 0;
  #isAsking = false;
  #isClosed = false;

  constructor(deps: { readonly log: Log }) {
    this.#log = deps.log;
  }

  /** A fresh connection: what waits goes out first. */
  attach(live: SendingConnection): void {
    this.#live = live;
    this.#unconfirmedBytes = 0;
    this.#isAsking = false;
    this.#sendWaiting();
  }

  detach(): void {
    this.#live = null;
  }

  /** There will be no connection any more. @returns how many messages were still waiting */
  close(): number {
    this.#isClosed = true;
    return this.#outbox.takeAll().length;
  }

  /** @throws {ServerError} `nats_payload_too_large`, `nats_outbox_full`; `nats_unavailable` after `close` */
  publish(subject: string, text: string): void {
    if (this.#isClosed) throw natsError("nats_unavailable", "the connection to NATS is closed");
    const message = { subject, payload: encoder.encode(text) };
    const limit = this.#limit();
    if (message.payload.length > limit) {
      const bytes = message.payload.length;
      const problem = `a message of ${bytes} bytes, NATS allows ${limit}`;
      throw natsError("nats_payload_too_large", problem, { bytes, limit });
    }
    const isFlowing = this.#outbox.isEmpty && this.#unconfirmedBytes <= MAX_WAITING_BYTES;
    if (isFlowing && this.#send(message)) return;
    if (this.#outbox.add(message)) return;
    const waiting = `${MAX_WAITING_BYTES} bytes wait for NATS already`;
    throw natsError("nats_outbox_full", waiting);
  }

  #limit(): number {
    return this.#live?.connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  }

  #sendWaiting(): void {
    for (const message of this.#outbox.takeAll()) {
      if (message.payload.length <= this.#limit() && this.#send(message)) continue;
      const attributes = { channel: message.subject, bytes: message.payload.length };
      this.#log.error("failed to publish message", attributes);
    }
  }

  #send({ subject, payload }: OutgoingMessage): boolean {
    const live = this.#live;
    if (live === null) return false;
    try {
      live.connection.publish(subject, payload);
    } catch (error) {
      this.#log.debug("the connection does not take a message", { error: errorText(error) });
      return false;
    }
    this.#unconfirmedBytes += payload.length + subject.length;
    // Reports for itself.
    if (this.#unconfirmedBytes > CONFIRM_EVERY_BYTES && !this.#isAsking) void this.#ask(live);
    return true;
  }

  async #ask(live: SendingConnection): Promise<void> {
    const askedFor = this.#unconfirmedBytes;
    this.#isAsking = true;
    while (this.#live === live) {
      try {
        await live.roundTrips.confirm();
        break;
      } catch (error) {
        // A server that hangs: the connection's own pings will end it. A slow one: ask again.
        this.#log.debug("NATS is slow", { error: errorText(error) });
      }
    }
    if (this.#live !== live) return;
    this.#isAsking = false;
    this.#unconfirmedBytes -= askedFor;
    this.#sendWaiting();
  }
}
