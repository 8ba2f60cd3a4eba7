import { join } from "node:path";

const SCRIPT = join(import.meta.dirname, "chat-process.ts");

interface Ports {
  readonly grpcPort: number;
  readonly httpPort: number;
}

/** The chat application, running in a process of its own. `await using` stops it. */
export class ChatBackend {
  private readonly child: Bun.Subprocess;
  private readonly ports: Ports;

  private constructor(child: Bun.Subprocess, ports: Ports) {
    this.child = child;
    this.ports = ports;
  }

  /** @param publishUrl where it publishes: the server's HTTP broadcaster, which need not run yet */
  static async start(publishUrl: string): Promise<ChatBackend> {
    const { promise, resolve, reject } = Promise.withResolvers<Ports>();
    const child = Bun.spawn([process.execPath, SCRIPT, publishUrl], {
      stdout: "inherit",
      stderr: "inherit",
      ipc: resolve,
      onExit: () => reject(new Error("the chat application has ended")),
    });
    return new ChatBackend(child, await promise);
  }

  /** Options that send the server here, by transport. */
  get options(): Readonly<Record<"gRPC" | "HTTP", string>> {
    const { grpcPort, httpPort } = this.ports;
    return {
      gRPC: `--rpc_host=127.0.0.1:${grpcPort}`,
      HTTP: `--rpc_host=http://127.0.0.1:${httpPort}/_anycable`,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }
}

/** Both transports of the application. */
export const TRANSPORTS = ["gRPC", "HTTP"] as const;
