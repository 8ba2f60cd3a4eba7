import { afterEach, beforeEach } from "bun:test";
import { type RedisMemorySettings, startRedisMemory } from "./redis-memory.ts";
import { RedisServer } from "./redis-server.ts";

/** A server of its own for each test of the surrounding `describe`, and nodes on it; all are stopped after the test. */
export function redisMemoryRoom() {
  let server: RedisServer | null = null;
  const running: { stop(): Promise<void> }[] = [];
  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((node) => node.stop()));
    await server?.stop();
  });
  const theServer = (): RedisServer => {
    if (server === null) throw new Error("no test is running");
    return server;
  };
  return {
    get server(): RedisServer {
      return theServer();
    },
    start: async (settings: RedisMemorySettings = {}) => {
      const node = await startRedisMemory(theServer().url, settings);
      running.push(node);
      return node;
    },
    /** As after a restart or failover that lost nothing: the server seems to be another one to stream `s`. */
    forgetRun: async (): Promise<void> => {
      const [meta] = await theServer().keys("ac:*:m:s");
      await theServer().call("hset", String(meta), "r", "another");
    },
  };
}
