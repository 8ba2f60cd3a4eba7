import { connect, type Socket } from "node:net";
import type { Cableway } from "../../support/cableway.ts";

/** One TCP connection, written to and read from without any protocol in between. */
export class RawExchange {
  readonly socket: Socket;
  /** Everything that came so far, bytes as characters. */
  text = "";
  /** Sizes of the pieces in which it came. */
  readonly pieces: number[] = [];
  private hasEnded = false;
  private wake: () => void = () => undefined;

  constructor(server: Pick<Cableway, "host" | "port">) {
    this.socket = connect(server.port, server.host);
    this.socket.setNoDelay(true);
    this.socket.on("data", (chunk: Buffer) => {
      this.text += chunk.toString("latin1");
      this.pieces.push(chunk.length);
      this.wake();
    });
    for (const event of ["error", "close"]) {
      this.socket.on(event, () => {
        this.hasEnded = true;
        this.wake();
      });
    }
  }

  get isOpen(): boolean {
    return !this.hasEnded;
  }

  write(text: string): this {
    this.socket.write(text);
    return this;
  }

  /** Waits until this text has come. @throws after `limitMs`, with what came instead */
  async received(piece: string, limitMs = 5000): Promise<this> {
    await this.until(() => this.text.includes(piece), `"${piece}"`, limitMs);
    return this;
  }

  /** Waits for the end of the connection. @returns everything that came */
  async ended(limitMs = 5000): Promise<string> {
    await this.until(() => this.hasEnded, "the end", limitMs);
    return this.text;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  private async until(condition: () => boolean, what: string, limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!condition()) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error(`no ${what} within ${limitMs} ms, only: ${this.text}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, leftMs);
      this.wake = resolve;
      await promise;
      clearTimeout(timer);
    }
  }
}

/** The lines of a handshake in order, up to the empty one. */
export function handshakeText(server: Pick<Cableway, "host">, path = "/cable"): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: ${server.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    "",
    "",
  ].join("\r\n");
}
