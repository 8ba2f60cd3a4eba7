import { Redis } from "ioredis";
import { ServerError } from "../../messages/server-error.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import { unwrapAnswers } from "./answers.ts";
import type { RedisCommand, RedisConnection } from "./connection.ts";
import { type RawSettings, rawOptions } from "./raw-options.ts";
import { isOutOfService, isReply, toRedisError } from "./redis-error.ts";
import type { RedisScript } from "./script.ts";
import { formatAddress, type RedisAddress } from "./target.ts";

/** How to open a connection to one server. */
export interface NodeOptions extends RawSettings {
  readonly database: number;
  /** True refuses a server that is a replica. */
  readonly isPrimary: boolean;
  /** True reads the run tag; else it is empty. */
  readonly isTagged: boolean;
  /** Milliseconds between signs of life asked for; 0 for none, where a blocking command is always under way. */
  readonly pingIntervalMs: number;
}

const NO_PASSWORD_SET = /without any password configured|no password is set/;
const UNKNOWN_RUN_TAG = "unknown0";

/** A connection to one server; see RedisConnection. Subscribed once, only subscriptions and `close` may be called. */
export class NodeConnection implements RedisConnection {
  readonly address: string;
  readonly server: RedisAddress;
  readonly closed: Promise<ServerError>;
  #runTag = "";
  #reason: ServerError | null = null;
  #ping: Timer | null = null;
  #tellsRole = true;
  #isSubscribed = false;
  readonly #redis: Redis;

  private constructor(address: RedisAddress, options: NodeOptions) {
    this.address = formatAddress(address);
    this.server = address;
    this.#redis = new Redis(rawOptions(options, address));
    this.#redis.on("error", (error: unknown) => {
      this.#reason ??= toRedisError(error);
    });
    this.closed = new Promise((resolve) => {
      this.#redis.once("end", () => {
        this.#ping?.cancel();
        resolve(this.#lostReason());
      });
    });
  }

  /**
   * Connects, logs in, chooses the database, checks role and run. Takes at most the dial timeout.
   * @throws {ServerError} `redis_unavailable`, `redis_reply`, `redis_not_primary`
   */
  static async open(
    address: RedisAddress,
    options: NodeOptions,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<NodeConnection> {
    const connection = new NodeConnection(address, options);
    const limit = clock.after(options.dialTimeoutMs, () => connection.#fail("connect timed out"));
    const abort = () => connection.#fail("connect was given up");
    signal.addEventListener("abort", abort, { once: true });
    try {
      if (signal.aborted) throw new ServerError("redis_unavailable", "connect was given up");
      await connection.#connect();
      await connection.#introduce(options);
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      limit.cancel();
      signal.removeEventListener("abort", abort);
    }
    connection.#schedulePing(options, clock);
    return connection;
  }

  get runTag(): string {
    return this.#runTag;
  }

  async call(...command: RedisCommand): Promise<unknown> {
    const [name, ...args] = command;
    try {
      return await this.#redis.call(name, args);
    } catch (error) {
      throw this.#judge(error);
    }
  }

  async script(
    script: RedisScript,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await this.call("evalsha", script.sha, ...rest);
    } catch (error) {
      if (isReply(error, "NOSCRIPT")) return this.call("eval", script.text, ...rest);
      throw error;
    }
  }

  async transaction(commands: readonly RedisCommand[]): Promise<readonly unknown[]> {
    try {
      const answers = await this.#redis.multi(commands.map((command) => [...command])).exec();
      return unwrapAnswers(answers);
    } catch (error) {
      throw this.#judge(error);
    }
  }

  /** Resolves when the server has confirmed every channel; it takes all of them or none. */
  async subscribe(channels: readonly string[]): Promise<void> {
    this.#isSubscribed = true;
    try {
      await this.#redis.subscribe(...channels);
    } catch (error) {
      throw this.#judge(error);
    }
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    try {
      await this.#redis.unsubscribe(...channels);
    } catch (error) {
      throw this.#judge(error);
    }
  }

  /**
   * Hands over every message of the subscribed channels, in order.
   * @param failed told what `handler` throws: out of ioredis' listener it would end the process
   */
  onMessage(
    handler: (channel: string, message: string) => void,
    failed: (error: unknown) => void,
  ): void {
    this.#redis.on("message", (channel: string, message: string) => {
      try {
        handler(channel, message);
      } catch (error) {
        failed(error);
      }
    });
  }

  /**
   * Resolves when the server has answered whatever was sent before. An error is an answer, too: it may be loading its data,
   * or the user may not ask.
   */
  async heartbeat(): Promise<void> {
    try {
      await this.#redis.ping();
    } catch (error) {
      if (toRedisError(error).code !== "redis_reply") throw this.#judge(error);
    }
  }

  close(): void {
    this.#ping?.cancel();
    this.#redis.disconnect();
  }

  async #connect(): Promise<void> {
    try {
      await this.#redis.connect();
    } catch (error) {
      // ioredis rejects with "Connection is closed."; what closed it came as an event.
      throw this.#reason ?? toRedisError(error);
    }
  }

  async #introduce(options: NodeOptions): Promise<void> {
    await this.#logIn(options);
    if (options.database !== 0) await this.call("select", String(options.database));
    if (options.isPrimary) await this.#requirePrimary();
    if (options.isTagged) this.#runTag = await this.#readRunTag();
  }

  /** Not left to ioredis, which prints warnings of its own past our log. */
  async #logIn({ login, clientName }: NodeOptions): Promise<void> {
    const { username, password } = login;
    try {
      if (username !== "") await this.call("auth", username, password);
      else if (password !== "") await this.call("auth", password);
    } catch (error) {
      // A password that nobody asks for does no harm.
      if (!(error instanceof ServerError) || !NO_PASSWORD_SET.test(error.message)) throw error;
    }
    if (clientName !== "") await this.#ask(["client", "setname", clientName]);
  }

  async #requirePrimary(): Promise<void> {
    const answer = await this.#ask(["role"]);
    this.#tellsRole = answer !== null;
    if (!Array.isArray(answer) || answer[0] === "master") return;
    throw new ServerError("redis_not_primary", `${this.address} is a ${String(answer[0])}`);
  }

  async #readRunTag(): Promise<string> {
    const answer = await this.#ask(["info", "server"]);
    const [, runId = UNKNOWN_RUN_TAG] = /^run_id:(\w+)/m.exec(String(answer)) ?? [];
    return runId.slice(0, 8);
  }

  /** @returns null when this user may not ask: hosted servers forbid it, and work all the same */
  async #ask(command: RedisCommand): Promise<unknown> {
    try {
      return await this.call(...command);
    } catch (error) {
      if (isReply(error, "NOPERM") || isReply(error, "ERR")) return null;
      throw error;
    }
  }

  #judge(error: unknown): ServerError {
    const failure = toRedisError(error);
    // ioredis says "Connection is closed."; what closed it is known here.
    if (failure.code === "redis_unavailable") return this.#reason ?? failure;
    if (isOutOfService(failure)) {
      this.#reason ??= failure;
      this.#redis.disconnect();
    }
    return failure;
  }

  #fail(reason: string): void {
    this.#reason ??= new ServerError("redis_unavailable", `${this.address}: ${reason}`);
    this.#redis.disconnect();
  }

  #lostReason(): ServerError {
    return (
      this.#reason ?? new ServerError("redis_unavailable", `${this.address}: connection closed`)
    );
  }

  /** An answer that stays away for the response timeout ends the connection: ioredis watches the socket. */
  #schedulePing(options: NodeOptions, clock: Clock): void {
    if (options.pingIntervalMs === 0) return;
    this.#ping = clock.after(options.pingIntervalMs, () => {
      // It ends the connection itself, which is how its owner hears of it.
      void this.#prove(options.isPrimary);
      this.#schedulePing(options, clock);
    });
  }

  /**
   * A server that became a replica takes PUBLISH as before, but only its own subscribers hear it: ask for the role. Who is
   * subscribed may not ask, and hears from a replica what the primary is told.
   */
  async #prove(isPrimary: boolean): Promise<void> {
    try {
      if (isPrimary && this.#tellsRole && !this.#isSubscribed) await this.#requirePrimary();
      else await this.heartbeat();
    } catch (error) {
      this.#reason ??= toRedisError(error);
      this.#redis.disconnect();
    }
  }
}
