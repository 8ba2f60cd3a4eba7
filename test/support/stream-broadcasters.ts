import type { BroadcastOutcome } from "../../src/broadcast/handler.ts";
import { RedisStreamBroadcaster } from "../../src/broadcast/redis-stream.ts";
import type { PublicationSource } from "../../src/messages/publication.ts";
import { FakeLog } from "./fake-log.ts";
import { SYSTEM_CLOCK } from "./redis-node.ts";
import { redisTarget } from "./redis-options.ts";
import type { RedisServer } from "./redis-server.ts";
import { until } from "./until.ts";

/** The stream that broadcasters under test read. */
export const STREAM = "__anycable__";

/** How a broadcaster under test differs from the usual one. */
export interface Given {
  readonly url?: string;
  readonly attempts?: number;
  readonly blockMs?: number;
  readonly name?: string;
  readonly handle?: (body: string) => Promise<BroadcastOutcome>;
}

/** Broadcasters a test has started; it stops them all. */
export class StreamBroadcasters {
  readonly #running: RedisStreamBroadcaster[] = [];

  async start(url: string, given: Given = {}) {
    const started = await startAt(url, given);
    this.#running.push(started.broadcaster);
    return started;
  }

  async stop(): Promise<void> {
    const { signal } = new AbortController();
    await Promise.all(this.#running.splice(0).map((broadcaster) => broadcaster.stop(signal)));
  }
}

async function startAt(url: string, given: Given) {
  const heard: string[] = [];
  const sources: (PublicationSource | undefined)[] = [];
  const fatal: string[] = [];
  const log = new FakeLog();
  const handle = given.handle ?? (async () => "handled" as const);
  const broadcaster = new RedisStreamBroadcaster(
    {
      target: redisTarget(given.url ?? url),
      stream: STREAM,
      group: "bx",
      readBlockMs: given.blockMs ?? 300,
      maxReconnectAttempts: given.attempts ?? 5,
      isAskedFor: true,
    },
    {
      handler: {
        handle: async (body, source) => {
          sources.push(source);
          heard.push(body);
          return handle(body);
        },
      },
      clock: SYSTEM_CLOCK,
      random: () => 0,
      randomId: () => given.name ?? "node_1",
      log,
      onFatal: (message) => void fatal.push(message),
    },
  );
  await broadcaster.start();
  return { broadcaster, heard, sources, fatal, log };
}

/** The connections that wait for entries. */
async function readers(server: RedisServer): Promise<readonly string[]> {
  const clients = await server.clients();
  const waiting = clients.filter((c) => c.get("cmd") === "xreadgroup" && c.get("flags") === "b");
  return waiting.map((client) => client.get("id") ?? "");
}

/** Waits until a broadcaster reads. @returns its connection's id */
export async function reading(server: RedisServer): Promise<string> {
  await until("reading", async () => (await readers(server)).length > 0);
  return (await readers(server))[0] ?? reading(server);
}
