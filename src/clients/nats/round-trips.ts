import type { NatsConnection } from "nats";
import type { ServerError } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import { natsError } from "./nats-error.ts";

const ANSWER_LIMIT_MS = 5000;

/**
 * Asks "have you done all that?" over one connection (PING, PONG). The library's own `flush` has no limit and stays
 * pending for ever when the connection is lost.
 */
export class RoundTrips {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #waiting = new Set<(error: ServerError) => void>();
  #shared: Promise<void> | null = null;
  #isOver = false;

  constructor(connection: NatsConnection, deps: { readonly clock: Clock }) {
    this.#connection = connection;
    this.#clock = deps.clock;
  }

  /**
   * Resolves when the server has done all that was said before this call. One question for all who ask in the same
   * turn: it goes out behind everything they said.
   * @throws {ServerError} `nats_unavailable`, `nats_timeout` after 5 s
   */
  confirm(): Promise<void> {
    this.#shared ??= Promise.resolve().then(() => {
      this.#shared = null;
      return this.#ask();
    });
    return this.#shared;
  }

  /** The connection is gone: there will be no answers. */
  end(): void {
    this.#isOver = true;
    const error = natsError("nats_unavailable", "the connection to NATS was lost");
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }

  #ask(): Promise<void> {
    if (this.#isOver || this.#connection.isClosed()) {
      return Promise.reject(natsError("nats_unavailable", "no connection to NATS"));
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.add(reject);
    const timer = this.#clock.after(ANSWER_LIMIT_MS, () =>
      reject(natsError("nats_timeout", "NATS does not answer")),
    );
    this.#connection.flush().then(resolve, reject);
    return promise.finally(() => {
      timer.cancel();
      this.#waiting.delete(reject);
    });
  }
}
