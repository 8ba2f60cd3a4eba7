import type { Socket } from "bun";
import { ServerError } from "../../src/messages/server-error.ts";
import type { Via } from "./scenario.ts";

/** A service that takes publications for the server: not HTTP. */
export type PipeVia = Exclude<Via, { readonly kind: "http" }>;

/** Where all three adapters listen by default. */
const CHANNEL = "__anycable__";
const NATS_CONNECT = 'CONNECT {"verbose":false,"pedantic":false}\r\n';

/**
 * Publishes through Redis or NATS over one connection: what is published within a turn of the event loop leaves with one write, as
 * pipelining clients do. Nobody waits for answers; an error among them fails the run.
 */
export class PipePublisher {
  readonly #encode: (body: string) => string;
  readonly #onFailure: (reason: string) => void;
  #socket: Socket<undefined> | null = null;
  #turn = "";
  #isClosed = false;

  private constructor(via: PipeVia, onFailure: (reason: string) => void) {
    this.#encode = ENCODERS[via.kind];
    this.#onFailure = onFailure;
  }

  /** @throws {Error} when nothing listens at the address */
  static async connect(via: PipeVia, onFailure: (reason: string) => void): Promise<PipePublisher> {
    const publisher = new PipePublisher(via, onFailure);
    publisher.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: via.port,
      socket: {
        data: (_, chunk) => publisher.#answered(Buffer.from(chunk).toString("latin1")),
        close: () => publisher.#failed("connection closed"),
        error: (_, error) => publisher.#failed(error.message),
      },
    });
    if (via.kind === "nats") publisher.#write(NATS_CONNECT);
    return publisher;
  }

  /** Queues a publication, or a batch of them, for the end of this turn. */
  publish(body: string): void {
    if (this.#turn === "") setImmediate(this.#flush);
    this.#turn += this.#encode(body);
  }

  /** Closes the connection. */
  close(): void {
    this.#isClosed = true;
    this.#socket?.terminate();
  }

  readonly #flush = (): void => {
    const turn = this.#turn;
    this.#turn = "";
    this.#write(turn);
  };

  #write(text: string): void {
    const written = this.#socket?.write(text);
    if (written !== Buffer.byteLength(text)) this.#failed(`short write: ${written} bytes`);
  }

  #answered(text: string): void {
    if (text.startsWith("-") || text.includes("\r\n-")) this.#failed(text.slice(0, 100));
    if (text.includes("PING\r\n")) this.#write("PONG\r\n");
  }

  #failed(text: string): void {
    if (!this.#isClosed) this.#onFailure(new ServerError("publish_failed", text).message);
  }
}

/** Redis protocol (RESP2), "Sending commands"; NATS client protocol, PUB. */
const ENCODERS: Readonly<Record<PipeVia["kind"], (body: string) => string>> = {
  redis: (body) => redisCommand(["PUBLISH", CHANNEL, body]),
  redisx: (body) => redisCommand(["XADD", CHANNEL, "*", "payload", body]),
  nats: (body) => `PUB ${CHANNEL} ${Buffer.byteLength(body)}\r\n${body}\r\n`,
};

function redisCommand(words: readonly string[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join("")}`;
}
