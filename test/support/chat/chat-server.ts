import { Cableway, freePort, loopbackAddress } from "../cableway.ts";
import type { RawClient } from "../raw-client.ts";
import type { RawClientOptions } from "../raw-handshake.ts";
import { ChatBackend } from "./chat-backend.ts";

/** A server and the chat application behind it. `await using` stops both. */
export class ChatServer {
  readonly server: Cableway;
  private readonly backend: ChatBackend;

  private constructor(server: Cableway, backend: ChatBackend) {
    this.server = server;
    this.backend = backend;
  }

  /** With history, presence (1 s) and the headers that the scenarios read. */
  static async start(transport: "gRPC" | "HTTP", ...options: string[]): Promise<ChatServer> {
    const host = loopbackAddress();
    const port = await freePort(host);
    const backend = await ChatBackend.start(`http://${host}:${port}/_broadcast`);
    try {
      const server = await Cableway.start(
        [
          backend.options[transport],
          "--headers=cookie,x-api-token",
          "--broker=memory",
          "--presence_ttl=1",
          ...options,
        ],
        { host, port },
      );
      return new ChatServer(server, backend);
    } catch (error) {
      await backend[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A client that was welcomed. */
  async welcomed(options: Omit<RawClientOptions, "host" | "port"> = {}): Promise<RawClient> {
    const client = await this.server.connect(options);
    const message = await client.next();
    if ((message as { type?: unknown }).type === "welcome") return client;
    throw new Error(`expected a welcome, got ${JSON.stringify(message)}`);
  }

  /** A welcomed client with a confirmed subscription. */
  async subscribed(
    identifier: string,
    options: Omit<RawClientOptions, "host" | "port"> = {},
  ): Promise<RawClient> {
    const client = await this.welcomed(options);
    await client.subscribe(identifier);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
    await this.backend[Symbol.asyncDispose]();
  }
}
