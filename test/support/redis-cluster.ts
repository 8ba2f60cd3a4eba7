import { freePort, type RedisProgram, RedisServer } from "./redis-server.ts";
import { until } from "./until.ts";

const SLOTS = 16_384;

/** Three primaries without replicas that share the slots; `stop` them. */
export interface RedisCluster {
  readonly servers: readonly RedisServer[];
  /** The address of all of them, as users write it. */
  readonly url: string;
  stop(): Promise<void>;
  /** For `await using`: stopped also when the test fails. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Ready when every server says so. */
export async function startCluster(program?: RedisProgram): Promise<RedisCluster> {
  const servers = await Promise.all([1, 2, 3].map(() => startMember(program)));
  const [first] = servers;
  if (first === undefined) throw new Error("a cluster needs servers");
  const share = Math.ceil(SLOTS / servers.length);
  for (const [index, { server, busPort }] of servers.entries()) {
    const end = Math.min((index + 1) * share, SLOTS) - 1;
    await server.call("cluster", "addslotsrange", index * share, end);
    await first.server.call("cluster", "meet", "127.0.0.1", server.port, busPort);
  }
  for (const { server } of servers) {
    await until(
      "cluster ready",
      async () => isReady(String(await server.call("cluster", "info"))),
      20_000,
    );
  }
  const members = servers.map(({ server }) => server);
  const stop = async () => {
    await Promise.all(members.map((server) => server.stop()));
  };
  return {
    servers: members,
    url: members.map(({ url }) => url).join(","),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function startMember(program: RedisProgram | undefined) {
  const busPort = await freePort();
  const cluster = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"];
  const args = [...cluster, "--cluster-port", String(busPort), "--cluster-node-timeout", "2000"];
  const server = await RedisServer.start({ args, ...(program === undefined ? {} : { program }) });
  return { server, busPort };
}

function isReady(info: string): boolean {
  return info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:3");
}
