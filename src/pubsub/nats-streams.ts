import type { NatsLink } from "../clients/nats/link.ts";
import { natsSubject } from "../clients/nats/subject.ts";
import type { MessageHandler, NatsSubscription } from "../clients/nats/subscription.ts";
import { errorText, ServerError } from "../messages/server-error.ts";
import type { Clock, Timer } from "../ports/clock.ts";

/** The part of a link that streams need. */
export type StreamLink = Pick<NatsLink, "subscribe" | "watch">;

interface Interest {
  readonly subscription: NatsSubscription;
  /** How often it is wanted. */
  count: number;
}

/** How long a subscriber waits for a lost connection to come back before it is only recorded. */
const PATIENCE_MS = 1000;

/**
 * Which streams this node wants, each with a subscription however often it is wanted. The command subject is wanted
 * from the start to the end; a stream of the same name shares it.
 */
export class NatsStreams {
  readonly #link: StreamLink;
  readonly #clock: Clock;
  readonly #reserved: string;
  readonly #handler: MessageHandler;
  readonly #interests = new Map<string, Interest>();
  /** Those who wait for an acknowledgement: they are let go when patience is out. */
  readonly #waiting = new Set<() => void>();
  #patience: Timer | null = null;
  #isPatient = true;
  #unwatch: (() => void) | null = null;

  /** @param reserved the command subject */
  constructor(
    reserved: string,
    deps: { readonly link: StreamLink; readonly clock: Clock; readonly handler: MessageHandler },
  ) {
    this.#reserved = reserved;
    this.#link = deps.link;
    this.#clock = deps.clock;
    this.#handler = deps.handler;
  }

  /** Wants the command subject; patience begins. @returns its subscription */
  open(): NatsSubscription {
    this.#unwatch = this.#link.watch((isUp) => this.#turn(isUp));
    this.#turn(false);
    return this.#want(this.#reserved).subscription;
  }

  close(): void {
    this.#unwatch?.();
    this.#patience?.cancel();
    this.#letGo();
  }

  /**
   * Resolves when messages arrive; without a connection after a second at the latest, the next one will have it.
   * @throws {ServerError} `subscribe_failed` also for a name that cannot be a subject; it is not counted then
   */
  async acquire(stream: string): Promise<void> {
    const interest = this.#want(subjectOf(stream));
    try {
      await this.#acknowledgement(interest);
    } catch (error) {
      this.release(stream);
      throw error;
    }
  }

  release(stream: string): void {
    const subject = subjectOf(stream);
    const interest = this.#interests.get(subject);
    const least = subject === this.#reserved ? 1 : 0;
    if (interest === undefined || interest.count <= least) return;
    interest.count -= 1;
    if (interest.count > 0) return;
    this.#interests.delete(subject);
    interest.subscription.close();
  }

  #want(subject: string): Interest {
    const known = this.#interests.get(subject);
    const interest = known ?? {
      subscription: this.#link.subscribe(subject, this.#handler),
      count: 0,
    };
    interest.count += 1;
    if (known === undefined) this.#interests.set(subject, interest);
    return interest;
  }

  #acknowledgement({ subscription }: Interest): Promise<void> {
    if (!this.#isPatient) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    subscription.ready.then(resolve, reject);
    return promise.finally(() => void this.#waiting.delete(resolve));
  }

  #turn(isUp: boolean): void {
    this.#patience?.cancel();
    this.#isPatient = true;
    if (!isUp) this.#patience = this.#clock.after(PATIENCE_MS, () => this.#letGo());
  }

  #letGo(): void {
    this.#isPatient = false;
    for (const resolve of this.#waiting) resolve();
  }
}

function subjectOf(stream: string): string {
  try {
    return natsSubject(stream);
  } catch (error) {
    throw refusal(error);
  }
}

function refusal(cause: unknown): ServerError {
  return new ServerError("subscribe_failed", errorText(cause), { cause });
}
