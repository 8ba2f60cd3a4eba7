import { MemoryBroker } from "../broker/memory.ts";
import { MemorySessionStore } from "../broker/memory-sessions.ts";
import { NullBroker } from "../broker/null.ts";
import type { Settings } from "../config/settings.ts";
import { errorText, ServerError } from "../messages/server-error.ts";
import { MemoryPresenceStore } from "../presence/memory.ts";
import { NullPresenceStore } from "../presence/null.ts";
import type { Memory, MemoryDeps } from "./memory.ts";
import { createNatsMemory } from "./nats-memory.ts";
import { createRedisMemory } from "./redis-memory.ts";

/** Sessions kept in this process for their clients' return, at most: beyond either, the oldest are forgotten. */
const MAX_SESSIONS = 1_000_000;
const MAX_SESSION_BYTES = 256 * 1024 * 1024;

/**
 * Chooses broker, session store and presence store.
 * @throws {ServerError} `broker_failed` when an address or its certificates are unusable
 */
export function createMemory(settings: Settings, deps: MemoryDeps): Memory {
  try {
    return choose(settings, deps);
  } catch (error) {
    throw unusable(error);
  }
}

function choose(settings: Settings, deps: MemoryDeps): Memory {
  switch (settings.broker.adapter) {
    case "memory":
      return createLocalMemory(settings, deps);
    case "redis":
      return createRedisMemory(settings, deps);
    case "nats":
      return createNatsMemory(settings, deps);
    case "none": {
      const broker = new NullBroker(deps);
      return { broker, sessionStore: null, presence: new NullPresenceStore(), services: [broker] };
    }
  }
}

function createLocalMemory(settings: Settings, deps: MemoryDeps): Memory {
  const { historyLimit, historyTtlS, sessionsTtlS, presenceTtlS, streamRules } = settings.broker;
  const broker = new MemoryBroker(
    { historyLimit, historyTtlS, sessionsTtlS, presenceTtlS, streamRules },
    deps,
  );
  const sessionStore = new MemorySessionStore(
    { ttlMs: sessionsTtlS * 1000, maxSessions: MAX_SESSIONS, maxBytes: MAX_SESSION_BYTES },
    deps,
  );
  const presence = new MemoryPresenceStore({ ttlMs: presenceTtlS * 1000, streamRules }, deps);
  return { broker, sessionStore, presence, services: [broker, sessionStore, presence] };
}

function unusable(cause: unknown): ServerError {
  const text = `failed to initialize broker, cause: ${errorText(cause)}`;
  return new ServerError("broker_failed", text, { cause });
}
