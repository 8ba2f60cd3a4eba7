import type { ServerError } from "../../messages/server-error.ts";
import type { RedisScript } from "./script.ts";

/** One command: its name, then its arguments. */
export type RedisCommand = readonly [name: string, ...args: string[]];

/**
 * One live connection to Redis, or to the nodes of a cluster. Never reconnects: when it is gone, it is gone, and what was
 * under way rejects at once. All methods reject with a ServerError: `redis_reply` or `redis_unavailable`; after the
 * latter nobody knows whether the command was executed.
 */
export interface RedisConnection {
  /** For logs. */
  readonly address: string;
  /**
   * Tells one run of the server from the next: 8 characters of its run id; a constant for a cluster and where the
   * server does not tell.
   */
  readonly runTag: string;
  /** Resolves, with the reason, when the connection is gone. */
  readonly closed: Promise<ServerError>;
  call(...command: RedisCommand): Promise<unknown>;
  /** Runs a script by its name, and by its text where the server does not know it. */
  script(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Runs commands on keys of one slot as one step; rejects with the first error among the answers. */
  transaction(commands: readonly RedisCommand[]): Promise<readonly unknown[]>;
  /** Ends the connection at once, whatever is under way. */
  close(): void;
}
