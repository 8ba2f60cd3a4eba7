import { promises as dns } from "node:dns";
import { isIP } from "node:net";
import { ServerError } from "../../../messages/server-error.ts";
import { type Address, splitHostPort, type Target } from "./target.ts";

/** Where the channel learns its addresses. */
export interface Resolver {
  /** False when asking again gives the same answer. */
  readonly isDynamic: boolean;
  /** @returns at least one address; rejects when there is none, or nobody can tell */
  resolve(): Promise<readonly Address[]>;
}

/** A resolver for the target: fixed addresses, the system's name lookup, or a given name server. */
export function createResolver(target: Target): Resolver {
  if (target.kind === "addresses") {
    return { isDynamic: false, resolve: async () => target.addresses };
  }
  const lookup = target.server === "" ? systemLookup : lookupAt(target.server);
  const { host, port, authority } = target;
  return {
    isDynamic: true,
    resolve: async () => {
      const ips = await lookup(host);
      if (ips.length === 0) throw new ServerError("rpc_no_address", `no address for ${host}`);
      return [...new Set(ips)].map((ip) => ({
        endpoint: { kind: "tcp", host: ip, port } as const,
        authority,
        serverName: host,
      }));
    },
  };
}

type Lookup = (host: string) => Promise<readonly string[]>;

async function systemLookup(host: string): Promise<readonly string[]> {
  const found = await dns.lookup(host, { all: true });
  return found.map(({ address }) => address);
}

function lookupAt(server: string): Lookup {
  return async (host) => {
    const resolver = new dns.Resolver({ timeout: 2000, tries: 2 });
    resolver.setServers([await serverAddress(server)]);
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const ips = [v4, v6].flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    if (ips.length === 0 && v4.status === "rejected") throw v4.reason;
    return ips;
  };
}

/** Name servers are known by IP only: a name in their place is looked up first. */
async function serverAddress(server: string): Promise<string> {
  const { host, port } = splitHostPort(server, 53);
  const ip = isIP(host) === 0 ? (await dns.lookup(host)).address : host;
  return isIP(ip) === 6 ? `[${ip}]:${port}` : `${ip}:${port}`;
}
