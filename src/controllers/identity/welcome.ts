import type { ConnectResult } from "../../messages/result.ts";

/** A client let in without asking the application: it gets our welcome, and the application hears of no disconnect. */
export function welcome(sid: string, identifiers: string): ConnectResult {
  return {
    status: "success",
    identifiers,
    transmissions: [{ type: "welcome", sid, restoredIds: null }],
    cstate: null,
    interest: false,
  };
}
