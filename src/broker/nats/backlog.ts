import type { Publication } from "../../messages/publication.ts";
import { errorText, ServerError } from "../../messages/server-error.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";

interface Waiting {
  readonly publication: Publication;
  readonly accepted: PromiseWithResolvers<void>;
  readonly patience: Timer;
}

const PATIENCE_MS = 1000;
const MAX_CHARACTERS = 8 * 1024 * 1024;

/**
 * Publications that came before JetStream was ready, in order. Who sent one waits for a second, then it counts as taken;
 * beyond 8 MiB none is taken.
 */
export class Backlog {
  readonly #clock: Clock;
  readonly #log: Log;
  #waiting: Waiting[] = [];
  #characters = 0;

  constructor(deps: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** @throws {ServerError} `publish_failed` when it is full */
  add(publication: Publication): Promise<void> {
    const characters = publication.data.length + publication.stream.length;
    if (this.#characters + characters > MAX_CHARACTERS) {
      const text = "JetStream is not ready and too much waits for it already";
      return Promise.reject(new ServerError("publish_failed", text));
    }
    this.#characters += characters;
    const accepted = Promise.withResolvers<void>();
    const patience = this.#clock.after(PATIENCE_MS, () => accepted.resolve());
    this.#waiting.push({ publication, accepted, patience });
    return accepted.promise;
  }

  /** JetStream will not get ready any more: what waits is lost, who still waits for it is told, and the log. */
  drop(): void {
    const dropped = this.#waiting;
    this.#waiting = [];
    this.#characters = 0;
    if (dropped.length === 0) return;
    const error = "JetStream was not ready before the end";
    for (const { accepted, patience } of dropped) {
      patience.cancel();
      accepted.reject(new ServerError("publish_failed", error));
    }
    this.#log.error("failed to publish message", { dropped: dropped.length, error });
  }

  /** Hands everything over in order, before it returns; failures go to who still waits, and into the log. */
  flush(publish: (publication: Publication) => Promise<void>): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#characters = 0;
    for (const { publication, accepted, patience } of waiting) {
      patience.cancel();
      publish(publication).then(accepted.resolve, (error: unknown) => {
        accepted.reject(error);
        const attributes = { stream: publication.stream, error: errorText(error) };
        this.#log.error("failed to publish message", attributes);
      });
    }
  }
}
