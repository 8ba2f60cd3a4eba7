import { Redis } from "ioredis";
import type { RedisServer } from "./redis-server.ts";
import { until } from "./until.ts";

/** Hears channels of a Redis beside the servers under test: messages exactly as they are on the wire. `using` ends it. */
export class RedisEar {
  /** Oldest first. */
  readonly heard: string[] = [];
  private readonly client: Redis;

  private constructor(client: Redis) {
    this.client = client;
    client.on("message", (_channel: string, message: string) => void this.heard.push(message));
  }

  static async open(server: RedisServer, ...channels: string[]): Promise<RedisEar> {
    const client = new Redis({ port: server.port, protocol: 2, replyMapping: "legacy" });
    client.on("error", () => undefined);
    const ear = new RedisEar(client);
    await client.subscribe(...channels);
    return ear;
  }

  /** Waits until there are so many messages, or more. */
  async reaches(count: number): Promise<readonly string[]> {
    const what = (): string => `${count} messages heard; heard ${JSON.stringify(this.heard)}`;
    await until(what, () => this.heard.length >= count);
    return [...this.heard];
  }

  [Symbol.dispose](): void {
    this.client.disconnect();
  }
}
