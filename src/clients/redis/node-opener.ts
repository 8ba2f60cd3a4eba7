import { ServerError } from "../../messages/server-error.ts";
import type { Clock } from "../../ports/clock.ts";
import { askSentinels } from "./ask-sentinels.ts";
import { ClusterNodes } from "./cluster-nodes.ts";
import { NodeConnection, type NodeOptions } from "./node-connection.ts";
import { dataSettings } from "./raw-options.ts";
import { formatAddress, type RedisAddress, type RedisTarget } from "./target.ts";

/** What a connection to one server is for. */
export interface NodePurpose {
  /** True where it must be the primary: for writing. With Sentinel it is in any case. */
  readonly isPrimary: boolean;
  /** True reads the run tag. */
  readonly isTagged: boolean;
  /** True sends the commands of one event-loop turn in one write. */
  readonly isPipelined: boolean;
  /** The longest a blocking command may take, in milliseconds; 0 without blocking commands. */
  readonly blockMs: number;
  /** In a cluster: the key whose owner is wanted; empty for any server. */
  readonly key: string;
}

const PING_INTERVAL_MS = 3000;

/**
 * Opens connections to the right server of a target: the only one, the one the sentinels name now, the owner of a key in
 * a cluster, or any server of it.
 */
export class NodeOpener {
  readonly #target: RedisTarget;
  readonly #purpose: NodePurpose;
  readonly #clock: Clock;
  readonly #nodes: ClusterNodes;

  constructor(target: RedisTarget, purpose: NodePurpose, deps: { readonly clock: Clock }) {
    this.#target = target;
    this.#purpose = purpose;
    this.#clock = deps.clock;
    this.#nodes = new ClusterNodes(target.addresses);
  }

  /** @throws {ServerError} `redis_unavailable`, `redis_reply`, `redis_not_primary`, `redis_sentinel_failed` */
  async open(signal: AbortSignal): Promise<NodeConnection> {
    switch (this.#target.mode) {
      case "single":
        return this.#openFirst(this.#target.addresses, this.#purpose.isPrimary, signal);
      case "sentinel": {
        const address = await askSentinels(this.#target, this.#clock, signal);
        return this.#openFirst([address], true, signal);
      }
      case "cluster":
        return this.#openInCluster(signal);
    }
  }

  async #openInCluster(signal: AbortSignal): Promise<NodeConnection> {
    const { key } = this.#purpose;
    const connection = await this.#openFirst(this.#nodes.candidates(), false, signal);
    try {
      this.#nodes.learn(await connection.call("cluster", "slots"), connection.server);
      if (key === "") return connection;
      const slot = Number(await connection.call("cluster", "keyslot", key));
      const owner = this.#nodes.ownerOf(slot);
      if (owner === null) {
        throw new ServerError("redis_unavailable", `no server of the cluster owns slot ${slot}`);
      }
      if (formatAddress(owner) === connection.address) return connection;
      connection.close();
      return await this.#openFirst([owner], false, signal);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** The first that can be opened; rejects with the failure of the last. */
  async #openFirst(
    addresses: readonly RedisAddress[],
    isPrimary: boolean,
    signal: AbortSignal,
  ): Promise<NodeConnection> {
    let failure: unknown = new ServerError("redis_unavailable", "no address to connect to");
    for (const address of addresses) {
      try {
        return await NodeConnection.open(address, this.#options(isPrimary), this.#clock, signal);
      } catch (error) {
        // Reported when the others fail too: one server of a cluster being away is no news.
        failure = error;
      }
      if (signal.aborted) break;
    }
    throw failure;
  }

  #options(isPrimary: boolean): NodeOptions {
    const { isTagged, isPipelined, blockMs } = this.#purpose;
    const settings = dataSettings(this.#target, isPipelined);
    return {
      ...settings,
      responseTimeoutMs: settings.responseTimeoutMs + blockMs,
      database: this.#target.database,
      isPrimary,
      isTagged,
      pingIntervalMs: blockMs > 0 ? 0 : PING_INTERVAL_MS,
    };
  }
}
