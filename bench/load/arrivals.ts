import { ServerError } from "../../src/messages/server-error.ts";
import { LossChecker } from "./loss-checker.ts";

const LINGER_MS = 200;

/** The loss checker of a run, and waiting for what it counts. */
export class Arrivals {
  readonly checker: LossChecker;
  readonly #stallMs: number;
  #wanted: number = Number.POSITIVE_INFINITY;
  #onWanted: () => void = () => {};

  /** @param stallMs how long a wait goes on while nothing arrives */
  constructor(clients: number, stallMs: number) {
    this.checker = new LossChecker(clients);
    this.#stallMs = stallMs;
  }

  /** Client number `client` received message `sequence`. */
  received(client: number, sequence: number): void {
    this.checker.received(client, sequence);
    if (this.checker.arrived >= this.#wanted) this.#onWanted();
  }

  /**
   * Resolves in the same turn in which the `count`th message of the run arrives.
   * @throws {ServerError} `messages_missing` when nothing has arrived for the stall time
   */
  async until(count: number): Promise<void> {
    if (this.checker.arrived >= count) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#wanted = count;
    this.#onWanted = resolve;
    let seen = this.checker.arrived;
    const look = setInterval(() => {
      if (this.checker.arrived === seen) reject(this.#missing(count));
      seen = this.checker.arrived;
    }, this.#stallMs);
    try {
      await promise;
    } finally {
      clearInterval(look);
      this.#wanted = Number.POSITIVE_INFINITY;
    }
  }

  /** Leaves time for what should not come: a doubled last message. */
  linger(): Promise<void> {
    return Bun.sleep(LINGER_MS);
  }

  #missing(count: number): ServerError {
    const text = `${count - this.checker.arrived} messages missing after ${this.#stallMs} ms of silence`;
    return new ServerError("messages_missing", text);
  }
}
