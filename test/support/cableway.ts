import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { OutputFile } from "./output-file.ts";
import { RawClient } from "./raw-client.ts";
import type { RawClientOptions } from "./raw-handshake.ts";
import { until } from "./until.ts";

const BINARY = join(import.meta.dirname, "../../dist/cableway");
const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 20_000;
const ANSWER_LIMIT_MS = 15_000;

/** How the executable is started. */
export interface CablewayOptions {
  /** Added to the environment, from which every option of ours has been removed first. */
  readonly env?: Readonly<Record<string, string>>;
  /** Only `--host` and `--port` beside the given arguments: without the HTTP broadcaster and metrics. */
  readonly isBare?: boolean;
  /** An own loopback address by default, so that default ports never clash. */
  readonly host?: string;
  readonly port?: number;
  readonly cwd?: string;
  /** A command that runs the one behind it, e.g. with other limits. */
  readonly through?: readonly string[];
}

/** A publication's `meta`, as applications write it. */
export type PublicationMeta = Readonly<Record<string, unknown>>;

/** The built executable, running on a loopback address of its own, driven from outside. `await using` stops it. */
export class Cableway {
  readonly host: string;
  readonly port: number;
  readonly process: Bun.Subprocess<"ignore", number, number>;
  private readonly output: OutputFile;

  private constructor(
    host: string,
    port: number,
    process: Bun.Subprocess<"ignore", number, number>,
    output: OutputFile,
  ) {
    this.host = host;
    this.port = port;
    this.process = process;
    this.output = output;
  }

  /** Starts it and waits until it listens. @throws with its output when it exits instead */
  static async start(args: readonly string[], options: CablewayOptions = {}): Promise<Cableway> {
    const server = await Cableway.spawn(args, options);
    try {
      await until(
        () => `the server listens; output: ${server.log}`,
        () => server.isListening(args.some((arg) => arg.startsWith("--ssl_cert"))),
        START_LIMIT_MS,
      );
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Runs it to its end, for refusals and listings. */
  static async run(
    args: readonly string[],
    options: CablewayOptions = {},
  ): Promise<{ readonly exitCode: number; readonly output: string }> {
    await using server = await Cableway.spawn(args, options);
    const exitCode = await server.exited();
    return { exitCode, output: server.log };
  }

  private static async spawn(args: readonly string[], options: CablewayOptions): Promise<Cableway> {
    if (!existsSync(BINARY)) throw new Error("dist/cableway is missing: run `make build`");
    const host = options.host ?? loopbackAddress();
    const port = options.port ?? (await freePort(host));
    const usual = [...USUAL, `--http_broadcast_port=${port}`];
    const fixed = [`--host=${host}`, `--port=${port}`, ...(options.isBare ? [] : usual)];
    const output = new OutputFile();
    const child = Bun.spawn([...(options.through ?? []), BINARY, ...fixed, ...args], {
      env: { ...cleanEnvironment(), ...options.env },
      stdin: "ignore",
      stdout: output.fd,
      stderr: output.fd,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    return new Cableway(host, port, child, output);
  }

  /** What it wrote so far, both streams. */
  get log(): string {
    return this.output.text;
  }

  get url(): string {
    return `http://${this.host}:${this.port}`;
  }

  get isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** The address of the WebSocket endpoint. */
  cableUrl(pathAndQuery = "/cable"): string {
    return `ws://${this.host}:${this.port}${pathAndQuery}`;
  }

  /** Waits for a piece of the log. */
  async logged(piece: string | RegExp, limitMs = 15_000): Promise<void> {
    const isThere = (): boolean =>
      typeof piece === "string" ? this.log.includes(piece) : piece.test(this.log);
    await until(() => `log has ${piece}; it says: ${this.log.slice(-2000)}`, isThere, limitMs);
  }

  /** Waits until a piece of the log has been written so often, or more. */
  async loggedTimes(piece: string, count: number, limitMs = 15_000): Promise<void> {
    const times = (): number => this.log.split(piece).length - 1;
    const what = (): string => `${count} times "${piece}" in the log; it is there ${times()} times`;
    await until(what, () => times() >= count, limitMs);
  }

  /** A raw client of this server, connected. */
  async connect(options: Omit<RawClientOptions, "host" | "port"> = {}): Promise<RawClient> {
    return RawClient.open({ host: this.host, port: this.port, ...options });
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
    return fetch(`${this.url}${path}`, { signal, ...init });
  }

  /** Publishes over HTTP. @param data a string as it is, anything else as JSON */
  async publish(stream: string, data: unknown, meta?: PublicationMeta): Promise<void> {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    await this.broadcast({ stream, data: text, ...(meta === undefined ? {} : { meta }) });
  }

  /** Disconnects every session of these identifiers. */
  async disconnect(identifier: string, reconnect?: boolean): Promise<void> {
    const payload = { identifier, ...(reconnect === undefined ? {} : { reconnect }) };
    await this.broadcast({ command: "disconnect", payload });
  }

  /** One POST to the HTTP broadcaster: a publication, a list of them, or a command. */
  async broadcast(body: unknown): Promise<void> {
    const response = await this.fetch("/_broadcast", {
      method: "POST",
      body: JSON.stringify(body),
    });
    if (response.status !== 201) throw new Error(`the broadcast was answered ${response.status}`);
  }

  /** All values of the metrics endpoint, by name without the prefix; 0 for a counter never touched. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await (await this.fetch("/metrics")).text();
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(lines.map((line) => splitSample(line)));
  }

  /** One value. @throws for a name the server does not have */
  async metric(name: string): Promise<number> {
    const value = (await this.metrics()).get(name);
    if (value === undefined) throw new Error(`no metric ${name}`);
    return value;
  }

  /** Waits until a metric has this value. */
  async metricReaches(name: string, expected: number, limitMs = 15_000): Promise<void> {
    let value = Number.NaN;
    const isReached = async (): Promise<boolean> => {
      value = await this.metric(name);
      return value === expected;
    };
    await until(() => `${name} is ${expected}; it is ${value}`, isReached, limitMs);
  }

  /** Sends a signal; SIGTERM begins the graceful shutdown. */
  signal(name: NodeJS.Signals = "SIGTERM"): void {
    this.process.kill(name);
  }

  /** Waits for the end of the process and of its output. @returns its exit code */
  async exited(limitMs = STOP_LIMIT_MS): Promise<number> {
    const { promise, reject } = Promise.withResolvers<never>();
    const late = (): void => reject(new Error(`still running after ${limitMs} ms: ${this.log}`));
    const timer = setTimeout(late, limitMs);
    try {
      const exitCode = await Promise.race([this.process.exited, promise]);
      this.output.close();
      return exitCode;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process at once, without a graceful shutdown. */
  async stop(): Promise<void> {
    if (this.isRunning) this.signal("SIGKILL");
    await this.exited();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private async isListening(isTls: boolean): Promise<boolean> {
    if (!this.isRunning) throw new Error(`the server has ended: ${this.log}`);
    return isAnswering(this.host, this.port, isTls);
  }
}

const USUAL: readonly string[] = ["--broadcast_adapter=http", "--metrics_http=/metrics"];

/** A free port of an address. */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, host, () => {
      const address = server.address();
      const port = address !== null && typeof address === "object" ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** One of 15 million addresses of this machine's loopback network. */
export function loopbackAddress(): string {
  const part = (): number => 1 + Math.floor(Math.random() * 250);
  return `127.${part()}.${part()}.${part()}`;
}

function cleanEnvironment(): Record<string, string> {
  const own = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("ANYCABLE_") && name !== "PORT" && name !== "REDIS_URL",
  );
  return Object.fromEntries(own.map(([name, value]) => [name, value ?? ""]));
}

/** One HTTP answer: a port alone may belong to the socket with which the server looks whether it is free. */
function isAnswering(host: string, port: number, isTls: boolean): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onConnect = (): void => void socket.write("GET / HTTP/1.0\r\nHost: probe\r\n\r\n");
  const socket = isTls
    ? connectTls({ host, port, rejectUnauthorized: false }, onConnect)
    : connect({ host, port }, onConnect);
  socket.setTimeout(ANSWER_LIMIT_MS, () => resolve(false));
  socket.once("data", () => resolve(true));
  socket.once("error", () => resolve(false));
  socket.once("close", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

function splitSample(line: string): readonly [string, number] {
  const space = line.lastIndexOf(" ");
  return [line.slice(0, space).replace(/^anycable_go_/, ""), Number(line.slice(space + 1))];
}
