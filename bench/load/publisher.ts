import type { Socket } from "bun";
import { ServerError } from "../../src/messages/server-error.ts";

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Where publications go: an HTTP broadcast endpoint. */
export interface PublisherOptions {
  /** `http://host:port/path`. */
  readonly url: string;
  /** Bearer key; null when the endpoint wants none. */
  readonly key: string | null;
}

/**
 * Publishes over one kept-alive HTTP/1.1 connection, one request at a time and in order. On the socket itself
 * rather than `fetch`, so that the moment of publishing is the moment the bytes leave.
 */
export class Publisher {
  readonly #head: string;
  #socket: Socket<undefined> | null = null;
  #answer = "";
  #waiting: Waiting | null = null;

  private constructor(options: PublisherOptions) {
    const url = new URL(options.url);
    const key = options.key === null ? "" : `Authorization: Bearer ${options.key}\r\n`;
    this.#head =
      `POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n${key}` +
      "Content-Type: application/json\r\nContent-Length: ";
  }

  /** @throws {Error} when nothing listens at the address */
  static async connect(options: PublisherOptions): Promise<Publisher> {
    const url = new URL(options.url);
    const publisher = new Publisher(options);
    publisher.#socket = await Bun.connect({
      hostname: url.hostname,
      port: Number(url.port) || 80,
      socket: {
        data: (_, chunk) => publisher.#answered(chunk),
        close: () => publisher.#failed("connection closed"),
        error: (_, error) => publisher.#failed(error.message),
      },
    });
    return publisher;
  }

  /**
   * Sends one request and resolves with its answer. Must not be called again before that.
   * @throws {ServerError} `publish_failed` when the answer is not 2xx or the connection ends
   */
  publish(body: string): Promise<void> {
    const bytes = Buffer.from(body);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting = { resolve, reject };
    const request = Buffer.concat([Buffer.from(`${this.#head}${bytes.length}\r\n\r\n`), bytes]);
    const written = this.#socket?.write(request);
    if (written !== request.length) this.#failed(`short write: ${written} bytes`);
    return promise;
  }

  /** Closes the connection. */
  close(): void {
    this.#socket?.terminate();
  }

  #answered(chunk: Uint8Array): void {
    this.#answer += Buffer.from(chunk).toString("latin1");
    const headEnd = this.#answer.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const head = this.#answer.slice(0, headEnd).toLowerCase();
    const length = Number(/\r\ncontent-length: *(\d+)/.exec(head)?.[1] ?? 0);
    const isWhole = head.includes("\r\ntransfer-encoding:")
      ? this.#answer.endsWith("0\r\n\r\n")
      : this.#answer.length >= headEnd + 4 + length;
    if (!isWhole) return;
    const status = head.split("\r\n", 1)[0] ?? "";
    this.#answer = "";
    if (/ 2\d\d/.test(status)) this.#succeeded();
    else this.#failed(`answer: ${status}`);
  }

  #succeeded(): void {
    this.#waiting?.resolve();
    this.#waiting = null;
  }

  #failed(text: string): void {
    this.#waiting?.reject(new ServerError("publish_failed", text));
    this.#waiting = null;
  }
}
