import type { Msg, NatsConnection, Subscription } from "nats";
import { errorText, ServerError } from "../../messages/server-error.ts";
import type { Log } from "../../ports/log.ts";

/** Interest in a subject; it survives the loss of a connection. */
export interface NatsSubscription {
  readonly subject: string;
  /**
   * Resolves when the server has acknowledged it: messages published anywhere on that server arrive from then on.
   * Another server of a cluster may learn of it a moment later. Stays pending while there is no connection; a new promise
   * whenever one was lost.
   * Rejects with a ServerError `subscribe_failed` when the server refuses it or the link is stopped.
   */
  readonly ready: Promise<void>;
  /** Ends it; on the server, too, when there is a connection. Twice is once. */
  close(): void;
}

/** Takes a message. What it throws is logged: it must not end the connection. */
export type MessageHandler = (message: Msg) => void;

/** A subscription as the link keeps it. */
export class LinkSubscription implements NatsSubscription {
  readonly subject: string;
  readonly #handler: MessageHandler;
  readonly #log: Log;
  #acknowledged = quietly(Promise.withResolvers<void>());
  readonly #onClosed: (subscription: LinkSubscription) => void;
  #raw: Subscription | null = null;
  #refusal: ServerError | null = null;
  #isReady = false;
  #wasReady = false;

  constructor(
    subject: string,
    deps: {
      readonly handler: MessageHandler;
      readonly onClosed: (subscription: LinkSubscription) => void;
      readonly log: Log;
    },
  ) {
    this.subject = subject;
    this.#handler = deps.handler;
    this.#onClosed = deps.onClosed;
    this.#log = deps.log;
  }

  get ready(): Promise<void> {
    return this.#acknowledged.promise;
  }

  /** Asks the server on this connection. `settle` or `fail` must follow. */
  attach(connection: NatsConnection): void {
    this.#refusal = null;
    this.#raw = connection.subscribe(this.subject, {
      callback: (error, message) => {
        if (error === null) this.#receive(message);
        else this.#refuse(error);
      },
    });
  }

  /** The connection is gone. */
  detach(): void {
    this.#raw = null;
    if (this.#isReady) this.#acknowledged = quietly(Promise.withResolvers<void>());
    this.#isReady = false;
  }

  /** The server has answered whatever was asked before. */
  settle(): void {
    if (this.#refusal !== null) {
      this.fail(this.#refusal);
      return;
    }
    this.#isReady = true;
    this.#wasReady = true;
    this.#acknowledged.resolve();
  }

  /** Tells who waits; who had been told that it works gets a line in the log. */
  fail(error: ServerError): void {
    if (this.#wasReady) {
      this.#log.error("failed to subscribe", { channel: this.subject, error: error.message });
    }
    this.#acknowledged.reject(error);
  }

  close(): void {
    this.#onClosed(this);
    const raw = this.#raw;
    this.#raw = null;
    if (raw !== null && !raw.isClosed()) raw.unsubscribe();
    this.#acknowledged.reject(
      new ServerError("subscribe_failed", `no longer subscribed to ${this.subject}`),
    );
  }

  #receive(message: Msg): void {
    try {
      this.#handler(message);
    } catch (error) {
      this.#log.error("failed to deliver", { channel: this.subject, error: errorText(error) });
    }
  }

  #refuse(cause: Error): void {
    const text = `cannot subscribe to ${this.subject}: ${errorText(cause)}`;
    this.#refusal = new ServerError("subscribe_failed", text, { cause });
  }
}

/** Not everybody waits for it; who does, gets a rejection all the same. */
function quietly(waiting: PromiseWithResolvers<void>): PromiseWithResolvers<void> {
  waiting.promise.catch(() => undefined);
  return waiting;
}
