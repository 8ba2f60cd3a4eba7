import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection } from "nats";
import { createSystemClock } from "../../src/app/system-clock.ts";
import { NatsLink, type NatsLinkOptions } from "../../src/clients/nats/link.ts";
import type { ServerError } from "../../src/messages/server-error.ts";
import { FakeLog } from "./fake-log.ts";
import { freePort } from "./redis-server.ts";

const PACKED = join(import.meta.dir, "../../dist/.nats/nats-server");

/** The program to test against: named in NATS_SERVER, packed by `make build`, or on PATH; null when there is none. */
export const NATS_PROGRAM: string | null =
  process.env["NATS_SERVER"] ?? (isFilled(PACKED) ? PACKED : Bun.which("nats-server"));

/** False shows tests as skipped. */
export const HAS_NATS = NATS_PROGRAM !== null;

/** For titles: says what is missing. */
export function natsTitle(what: string): string {
  return HAS_NATS
    ? what
    : `${what} (needs nats-server: run \`make build\` or name it in NATS_SERVER)`;
}

/** A server of a test's own, on a free port, in a folder of its own. `stop` it. */
export class NatsServer {
  readonly port: number;
  readonly folder: string;
  readonly #args: readonly string[];
  #child: Bun.Subprocess | null = null;

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), "cableway-nats-"));
    this.#args = args;
  }

  /** @param args options of the server's command line */
  static async start(...args: readonly string[]): Promise<NatsServer> {
    const server = await NatsServer.create(...args);
    await server.start();
    return server;
  }

  /** A server that is not started yet. */
  static async create(...args: readonly string[]): Promise<NatsServer> {
    return new NatsServer(await freePort(), args);
  }

  /** With JetStream. */
  static async startJetStream(...args: readonly string[]): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), ["-js", ...args]);
    await server.start();
    return server;
  }

  /** Three servers that are one JetStream. */
  static async startCluster(): Promise<readonly NatsServer[]> {
    const routes = [await freePort(), await freePort(), await freePort()];
    const others = routes.map((port) => `nats://127.0.0.1:${port}`).join(",");
    const start = (route: number, index: number) => {
      const cluster = ["--cluster_name", "test", "--cluster", `nats://127.0.0.1:${route}`];
      return NatsServer.startJetStream(...cluster, "--routes", others, "-n", `n${index}`);
    };
    return Promise.all(routes.map(start));
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** What it has printed. */
  get log(): string {
    return readFileSync(join(this.folder, "log"), "utf8");
  }

  /** Starts, again after `kill` on the same port and with what was stored. */
  async start(): Promise<void> {
    if (NATS_PROGRAM === null) throw new Error("nats-server is missing");
    const fixed = ["-a", "127.0.0.1", "-p", String(this.port), "-sd", this.folder];
    const output = Bun.file(join(this.folder, "log"));
    this.#child = Bun.spawn([NATS_PROGRAM, ...fixed, ...this.#args], {
      stdout: "ignore",
      stderr: output,
      stdin: "ignore",
    });
    const deadline = Date.now() + 5000;
    while (!this.log.includes("Server is ready")) {
      if (Date.now() > deadline) throw new Error(`nats-server did not start: ${this.log}`);
      await Bun.sleep(5);
    }
  }

  /** Ends the process without a word, as a crash does. */
  async kill(): Promise<void> {
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

  /** Loses everything that was stored; only while it is not running. */
  wipe(): void {
    rmSync(join(this.folder, "jetstream"), { recursive: true, force: true });
  }

  /** A connection of the test, for looking at the wire. Close it. */
  connect(): Promise<NatsConnection> {
    return connect({ servers: [`127.0.0.1:${this.port}`] });
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Real time: the peer of these tests is a real server. */
export const CLOCK = createSystemClock();

/** A link for a test, and what it has said. */
export interface TestLink {
  readonly link: NatsLink;
  readonly log: FakeLog;
  readonly fatal: string[];
}

/** A link that is not started yet. */
export function natsLink(
  servers: readonly string[],
  given: Partial<NatsLinkOptions> = {},
): TestLink {
  const log = new FakeLog();
  const fatal: string[] = [];
  const options = { name: "test", servers, isOrdered: true, maxReconnectAttempts: 5, ...given };
  const onFatal = (message: string) => void fatal.push(message);
  const link = new NatsLink(options, { clock: CLOCK, random: () => 0, log, onFatal });
  return { link, log, fatal };
}

/** A `stop` that takes its time. */
export const PATIENTLY: AbortSignal = new AbortController().signal;

/** The code of the ServerError that a call ends with. */
export async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    return (error as ServerError).code;
  }
  return "no error";
}

function isFilled(path: string): boolean {
  return existsSync(path) && statSync(path).size > 0;
}
