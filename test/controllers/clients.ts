import type { Client } from "../../src/messages/client.ts";

/** A client with the sid `s1` that came to ws://cable.test/cable, with more in its URL and headers when given. */
export function client(
  given: { sid?: string; query?: string; headers?: Record<string, string> } = {},
): Client {
  return {
    sid: given.sid ?? "s1",
    identifiers: "",
    env: { url: `http://cable.test/cable${given.query ?? ""}`, headers: given.headers ?? {} },
    cstate: new Map(),
    istate: new Map(),
  };
}

/** The signal of a session that stays open. */
export function openSignal(): AbortSignal {
  return new AbortController().signal;
}
