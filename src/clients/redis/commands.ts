import { ServerError } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Service } from "../../ports/service.ts";
import { ClusterConnection } from "./cluster-connection.ts";
import type { RedisCommand, RedisConnection } from "./connection.ts";
import { Link, type LinkOwner } from "./link.ts";
import { NodeOpener } from "./node-opener.ts";
import type { RedisScript } from "./script.ts";
import type { RedisTarget } from "./target.ts";

/** Where commands go: rejects at once with `redis_unavailable` while Redis is away. Nothing waits, nothing is sent twice. */
export type RedisCommands = Pick<RedisConnection, "call" | "script" | "transaction"> & {
  /**
   * Run of the server that commands sent in this same step go to.
   * @throws {ServerError} `redis_unavailable`
   */
  readonly runTag: string;
};

/** `scripts` are made known to every server that is connected to. */
export interface CommandLinkOptions {
  readonly target: RedisTarget;
  /** For log lines. */
  readonly name: string;
  /** Failures in a row that are survived; null never gives up. */
  readonly maxAttempts: number | null;
  readonly scripts: readonly RedisScript[];
  /** True: keys of many slots are used, a cluster is spoken to as one. False: PUBLISH and the like, any node will do. */
  readonly isKeyed: boolean;
}

/** What becomes of the link is reported through `events`: LinkOwner without the work itself, which is done here. */
export interface CommandLinkDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: LinkEvents & {
    /** Commands can be sent. */
    up(): void;
  };
}

/** What the owner of a link is told, see LinkOwner. */
export type LinkEvents = Pick<
  LinkOwner<RedisConnection>,
  "lost" | "waiting" | "retrying" | "exhausted"
>;

const START_LIMIT_MS = 1000;
/** How long answers still under way hold up the end. */
const DRAIN_LIMIT_MS = 500;

/** A link for commands: to the primary, or to a cluster. Commands of one event-loop turn share a write. */
export class CommandLink implements RedisCommands, Service {
  readonly name: string;
  readonly #options: CommandLinkOptions;
  readonly #link: Link<RedisConnection>;
  readonly #clock: Clock;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(options: CommandLinkOptions, deps: CommandLinkDeps) {
    this.name = options.name;
    this.#options = options;
    this.#clock = deps.clock;
    const { events } = deps;
    this.#link = new Link<RedisConnection>(
      { maxAttempts: options.maxAttempts },
      {
        open: createOpen(options, deps.clock),
        run: async (connection, up) => {
          await this.#loadScripts(connection);
          up();
          events.up();
          throw await connection.closed;
        },
        lost: (error, wasUp) => events.lost(error, wasUp),
        waiting: (delayMs) => events.waiting(delayMs),
        retrying: () => events.retrying(),
        exhausted: () => events.exhausted(),
      },
      deps,
    );
  }

  /** Resolves with the first success or failure, after a second at the latest. */
  async start(): Promise<void> {
    await this.#link.start(START_LIMIT_MS);
  }

  /** Waits for the answers under way, half a second at most, then ends the connection. */
  async stop(signal: AbortSignal): Promise<void> {
    if (!signal.aborted && this.#underWay.size > 0) await this.#drain(signal);
    await this.#link.stop();
  }

  /** Tries at once when the link is between two tries. */
  retryNow(): void {
    this.#link.retryNow();
  }

  get runTag(): string {
    return this.#connection().runTag;
  }

  #connection(): RedisConnection {
    const { live } = this.#link;
    if (live !== null) return live;
    throw new ServerError("redis_unavailable", "Redis is not connected");
  }

  call(...command: RedisCommand): Promise<unknown> {
    return this.#track((connection) => connection.call(...command));
  }

  script(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#track((connection) => connection.script(script, keys, args));
  }

  transaction(commands: readonly RedisCommand[]): Promise<readonly unknown[]> {
    return this.#track((connection) => connection.transaction(commands));
  }

  async #track<Answer>(send: (connection: RedisConnection) => Promise<Answer>): Promise<Answer> {
    const answer = send(this.#connection());
    this.#underWay.add(answer);
    try {
      return await answer;
    } finally {
      this.#underWay.delete(answer);
    }
  }

  async #drain(signal: AbortSignal): Promise<void> {
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const limit = this.#clock.after(DRAIN_LIMIT_MS, resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await Promise.race([Promise.allSettled(this.#underWay), over]);
    limit.cancel();
  }

  /** So that the first EVALSHAs do not come back as unknown, out of order. A cluster learns them as they are used. */
  async #loadScripts(connection: RedisConnection): Promise<void> {
    if (this.#options.target.mode === "cluster") return;
    for (const script of this.#options.scripts)
      await connection.call("script", "load", script.text);
  }
}

function createOpen(
  { target, isKeyed, scripts }: CommandLinkOptions,
  clock: Clock,
): (signal: AbortSignal) => Promise<RedisConnection> {
  if (isKeyed && target.mode === "cluster") {
    return (signal) => ClusterConnection.open(target, clock, signal);
  }
  const purpose = { isPrimary: true, isTagged: scripts.length > 0, isPipelined: true };
  const opener = new NodeOpener(target, { ...purpose, blockMs: 0, key: "" }, { clock });
  return (signal) => opener.open(signal);
}
