import { connect, createServer, type Server, type Socket } from "node:net";

/** An address that stays while the server behind it changes, as a virtual IP or a DNS name does. `await using` ends it. */
export class Forwarder {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private target: number;

  private constructor(target: number) {
    this.target = target;
    this.server = createServer((socket) => this.forward(socket));
  }

  /** @param target a port of this machine */
  static async start(target: number): Promise<Forwarder> {
    const forwarder = new Forwarder(target);
    await new Promise<void>((resolve) => forwarder.server.listen(0, "127.0.0.1", resolve));
    return forwarder;
  }

  get port(): number {
    const address = this.server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return address.port;
  }

  /** Cuts all connections; new ones go to another server. */
  redirect(target: number): void {
    this.target = target;
    for (const socket of this.sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private forward(near: Socket): void {
    const far = connect(this.target, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(one);
      one.pipe(other);
      one.once("error", () => other.destroy());
      one.once("close", () => {
        this.sockets.delete(one);
        other.destroy();
      });
    }
  }
}
