import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, PROGRAM, type RedisServer } from "./redis-server.ts";

/** A sentinel that watches one primary under the name `mymaster`; `stop` it. */
export class RedisSentinel {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "cableway-sentinel-"));
  #child: Bun.Subprocess | null = null;

  private constructor(port: number) {
    this.port = port;
  }

  /** @param lines further lines of its configuration */
  static async start(primary: RedisServer, lines: readonly string[] = []): Promise<RedisSentinel> {
    const sentinel = new RedisSentinel(await freePort());
    sentinel.#spawn(primary, lines);
    await sentinel.#answers();
    return sentinel;
  }

  async stop(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** For `await using`: stopped also when the test fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #spawn(primary: RedisServer, lines: readonly string[]): void {
    const file = join(this.#folder, "sentinel.conf");
    const config = [
      `port ${this.port}`,
      "bind 127.0.0.1",
      `dir ${this.#folder}`,
      `sentinel monitor mymaster 127.0.0.1 ${primary.port} 1`,
      "sentinel down-after-milliseconds mymaster 300",
      "sentinel failover-timeout mymaster 3000",
      ...lines,
    ];
    writeFileSync(file, `${config.join("\n")}\n`);
    if (PROGRAM.path === null) throw new Error(PROGRAM.hint);
    this.#child = Bun.spawn([PROGRAM.path, file, "--sentinel"], {
      stdout: "ignore",
      stderr: "ignore",
      stdin: "ignore",
    });
  }

  async #answers(): Promise<void> {
    const deadline = Date.now() + 5000;
    for (;;) {
      const isUp = await Bun.connect({
        hostname: "127.0.0.1",
        port: this.port,
        socket: { data: () => undefined },
      }).then(
        (socket) => {
          socket.end();
          return true;
        },
        () => false,
      );
      if (isUp) return;
      if (Date.now() > deadline) throw new Error("the sentinel does not answer");
      await Bun.sleep(10);
    }
  }
}
