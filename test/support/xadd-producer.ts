import { Redis } from "ioredis";
import type { RedisServer } from "./redis-server.ts";

/** An application that adds numbers to `__anycable__`, one after the other, through outages. `await using` ends it. */
export class XaddProducer {
  /** Numbers that Redis has confirmed. */
  readonly acknowledged: number[] = [];
  /** Numbers whose answer was lost: nobody knows. */
  readonly unknown: number[] = [];
  private readonly stream: string;
  private readonly port: () => number;
  private readonly work: Promise<void>;
  private isOver = false;
  private last = 0;

  /** @param at where to add, asked again for each connection */
  constructor(stream: string, at: () => RedisServer) {
    this.stream = stream;
    this.port = () => at().port;
    this.work = this.produce();
  }

  /** Ends after the number at hand. */
  async stop(): Promise<void> {
    this.isOver = true;
    await this.work;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private async produce(): Promise<void> {
    while (!this.isOver) {
      const client = new Redis({
        port: this.port(),
        host: "127.0.0.1",
        protocol: 2,
        replyMapping: "legacy",
        lazyConnect: true,
        retryStrategy: () => null,
        enableOfflineQueue: false,
      });
      client.on("error", () => undefined);
      try {
        await client.connect();
        while (!this.isOver) await this.add(client);
      } catch {
        // Refused or cut off: the next connection goes on with the next number.
        await Bun.sleep(20);
      }
      client.disconnect();
    }
  }

  private async add(client: Redis): Promise<void> {
    const value = ++this.last;
    const payload = JSON.stringify({ stream: this.stream, data: `${value}` });
    try {
      await client.call("xadd", "__anycable__", "*", "payload", payload);
      this.acknowledged.push(value);
    } catch (error) {
      this.unknown.push(value);
      throw error;
    }
    await Bun.sleep(1);
  }
}
