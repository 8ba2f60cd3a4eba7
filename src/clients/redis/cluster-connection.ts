import { Cluster } from "ioredis";
import { ServerError } from "../../messages/server-error.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import { unwrapAnswers } from "./answers.ts";
import type { RedisCommand, RedisConnection } from "./connection.ts";
import { dataSettings, loginOptions, rawOptions } from "./raw-options.ts";
import { isReply, toRedisError } from "./redis-error.ts";
import type { RedisScript } from "./script.ts";
import { listAddresses, type RedisTarget } from "./target.ts";

const PING_INTERVAL_MS = 3000;
/** Nodes come and go, each with a run of its own: a constant keeps epochs from changing with every one of them. */
const RUN_TAG = "cluster0";

/**
 * Commands on a cluster; ioredis finds the owner of each key and follows it when it moves. Messages are not received here:
 * ioredis' subscriber stays dead when its node hangs. A command whose connection broke is not sent again: it rejects.
 */
export class ClusterConnection implements RedisConnection {
  readonly address: string;
  readonly runTag = RUN_TAG;
  readonly closed: Promise<ServerError>;
  readonly #cluster: Cluster;
  #reason: ServerError | null = null;
  #ping: Timer | null = null;

  private constructor(target: RedisTarget) {
    this.address = listAddresses(target);
    this.#cluster = createCluster(target);
    this.#cluster.on("error", (error: unknown) => {
      this.#reason = toClusterError(error);
    });
    this.closed = new Promise((resolve) => {
      this.#cluster.once("end", () => {
        this.#ping?.cancel();
        resolve(this.#lostReason());
      });
    });
  }

  /**
   * Connects to a node and learns the layout of the cluster. Takes at most the dial timeout.
   * @throws {ServerError} `redis_unavailable` when no node answers
   */
  static async open(
    target: RedisTarget,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<ClusterConnection> {
    const connection = new ClusterConnection(target);
    const giveUp = () => connection.close();
    const limit = clock.after(target.dialTimeoutMs, giveUp);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      if (signal.aborted) throw new ServerError("redis_unavailable", "connect was given up");
      await connection.#connect();
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      limit.cancel();
      signal.removeEventListener("abort", giveUp);
    }
    connection.#schedulePing(clock);
    return connection;
  }

  async call(...command: RedisCommand): Promise<unknown> {
    const [name, ...args] = command;
    try {
      return await this.#cluster.call(name, args);
    } catch (error) {
      throw toRedisError(error);
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
      const answers = await this.#cluster.multi(commands.map((command) => [...command])).exec();
      return unwrapAnswers(answers);
    } catch (error) {
      throw toRedisError(error);
    }
  }

  close(): void {
    this.#ping?.cancel();
    this.#cluster.disconnect();
  }

  async #connect(): Promise<void> {
    try {
      await this.#cluster.connect();
    } catch (error) {
      throw this.#reason ?? toClusterError(error);
    }
  }

  #lostReason(): ServerError {
    return (
      this.#reason ?? new ServerError("redis_unavailable", `${this.address}: connection closed`)
    );
  }

  #schedulePing(clock: Clock): void {
    this.#ping = clock.after(PING_INTERVAL_MS, () => {
      // A failed ping has already ended the connection to its node; the next command opens another.
      for (const node of this.#cluster.nodes()) node.ping().catch(() => {});
      this.#schedulePing(clock);
    });
  }
}

function createCluster(target: RedisTarget): Cluster {
  const nodes = target.addresses.map((address) =>
    "host" in address ? { host: address.host, port: address.port } : { host: address.path },
  );
  const settings = dataSettings(target, false);
  return new Cluster(nodes, {
    lazyConnect: true,
    // Commands wait while the connection to their node is made, the dial timeout at most; then they reject.
    enableOfflineQueue: true,
    enableReadyCheck: false,
    // One answer of a pipeline may say MOVED while the others do not: ioredis follows single commands only.
    enableAutoPipelining: false,
    slotsRefreshTimeout: target.dialTimeoutMs,
    clusterRetryStrategy: () => null,
    // 0 keeps ioredis from sending a command again that a broken connection may have executed already.
    retryDelayOnFailover: 0,
    // Certificates are checked against names: addresses are left to each connection to look up.
    dnsLookup: (address, callback) => callback(null, address),
    redisOptions: { ...rawOptions(settings, null), ...loginOptions(settings) },
  });
}

/** ioredis says only that all nodes failed; the reason of the last one hangs on it. */
function toClusterError(error: unknown): ServerError {
  const last = error instanceof Error && "lastNodeError" in error ? error.lastNodeError : null;
  return toRedisError(last ?? error);
}
