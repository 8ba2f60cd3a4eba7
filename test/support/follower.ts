import type { Cableway } from "./cableway.ts";
import type { RawClient } from "./raw-client.ts";
import { until } from "./until.ts";
import { EXT, pubsub } from "./wire.ts";

interface Message {
  readonly type?: string;
  readonly message?: unknown;
  readonly epoch?: string;
  readonly offset?: number;
}

const RETRY_MS = 50;

/**
 * A client that follows one stream as `@anycable/core` does: it comes back after a loss, asks for what came after the
 * position it knows, and drops what it has seen. Messages are numbers. `await using` ends it.
 */
export class Follower {
  /** Values it made use of, in order of arrival. */
  readonly taken: number[] = [];
  /** Positions of them, `epoch/offset`; without a broker there are none. */
  readonly positions = new Set<string>();
  /** Messages dropped because their position was known. */
  repeated = 0;
  /** How often it was told that its position is of no use. */
  rejected = 0;
  /** How often it came to be subscribed. */
  arrivals = 0;
  private readonly identifier: string;
  private readonly stream: string;
  private readonly place: () => Cableway;
  private readonly work: Promise<void>;
  private client: RawClient | null = null;
  private isOver = false;
  private last: { readonly epoch: string; readonly offset: number } | null = null;

  private constructor(stream: string, place: () => Cableway) {
    this.stream = stream;
    this.identifier = pubsub(stream);
    this.place = place;
    this.work = this.live();
  }

  /** Subscribed. @param place where to connect, asked again each time */
  static async start(stream: string, place: () => Cableway): Promise<Follower> {
    const follower = new Follower(stream, place);
    await follower.arrived(1);
    return follower;
  }

  /** Waits until it has been subscribed so often. */
  async arrived(times: number, limitMs = 20_000): Promise<void> {
    await until(`arrival ${times}`, () => this.arrivals >= times, limitMs);
  }

  /** Waits until it has taken all these values; gives up in silence, for a tally to tell. */
  async hasTaken(values: readonly number[], limitMs: number): Promise<void> {
    const isWhole = (): boolean => {
      if (this.taken.length < values.length) return false;
      const taken = new Set(this.taken);
      return values.every((value) => taken.has(value));
    };
    const deadline = performance.now() + limitMs;
    while (!isWhole() && performance.now() < deadline) await Bun.sleep(20);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isOver = true;
    this.client?.drop();
    await this.work;
  }

  private async live(): Promise<void> {
    while (!this.isOver) {
      try {
        this.client = await this.place().connect({ subprotocol: EXT });
        await this.follow(this.client);
      } catch {
        // The connection or the server is gone; the next try tells whether for good.
        this.client?.drop();
      }
      if (!this.isOver) await Bun.sleep(RETRY_MS);
    }
  }

  private async follow(client: RawClient): Promise<void> {
    await client.next();
    const { identifier, last } = this;
    const history = last === null ? undefined : { streams: { [this.stream]: last } };
    client.send({ command: "subscribe", identifier, history });
    for (;;) this.take((await client.next(60_000)) as Message); // whatever it is, only known fields are looked at
  }

  private take({ type, message, epoch = "", offset = 0 }: Message): void {
    if (type === "confirm_subscription") this.arrivals += 1;
    if (type === "reject_history") this.rejected += 1;
    if (type !== undefined) return;
    const position = `${epoch}/${offset}`;
    if (offset > 0) {
      if (this.positions.has(position)) {
        this.repeated += 1;
        return;
      }
      this.positions.add(position);
      this.last = { epoch, offset };
    }
    this.taken.push(Number(message));
  }
}
