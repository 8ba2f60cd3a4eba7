import { formatAddress, type RedisAddress } from "./target.ts";

/** Slots `from` to `to`, both included, and the server that owns them. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly owner: RedisAddress;
}

/** The servers of a cluster: those of the configuration, and those that the cluster itself has named since. */
export class ClusterNodes {
  readonly #configured: readonly RedisAddress[];
  #named: readonly RedisAddress[] = [];
  #ranges: readonly Range[] = [];
  #turn = 0;

  constructor(configured: readonly RedisAddress[]) {
    this.#configured = configured;
  }

  /** All servers, each once, beginning with another one at every call. */
  candidates(): readonly RedisAddress[] {
    const byName = new Map<string, RedisAddress>();
    for (const address of [...this.#configured, ...this.#named]) {
      byName.set(formatAddress(address), address);
    }
    const all = [...byName.values()];
    const start = this.#turn++ % all.length;
    return [...all.slice(start), ...all.slice(0, start)];
  }

  /**
   * Takes in an answer to CLUSTER SLOTS: `[[from, to, [host, port, id], …replicas], …]`.
   * @param teller the server that answered: it may leave its own host out
   */
  learn(answer: unknown, teller: RedisAddress): void {
    if (!Array.isArray(answer)) return;
    const ranges: Range[] = [];
    for (const [from, to, primary] of answer) {
      const owner = parseNode(primary, teller);
      if (owner !== null) ranges.push({ from: Number(from), to: Number(to), owner });
    }
    if (ranges.length === 0) return;
    this.#ranges = ranges;
    this.#named = ranges.map(({ owner }) => owner);
  }

  /** @returns null when the cluster has not said who owns the slot */
  ownerOf(slot: number): RedisAddress | null {
    return this.#ranges.find(({ from, to }) => from <= slot && slot <= to)?.owner ?? null;
  }
}

function parseNode(node: unknown, teller: RedisAddress): RedisAddress | null {
  if (!Array.isArray(node)) return null;
  const [host, port] = node;
  const known = typeof host === "string" && host !== "" && host !== "?" ? host : hostOf(teller);
  return typeof port === "number" && known !== "" ? { host: known, port } : null;
}

function hostOf(address: RedisAddress): string {
  return "host" in address ? address.host : "";
}
