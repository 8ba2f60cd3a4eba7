import type { ServerError } from "../../messages/server-error.ts";

const UNAVAILABLE_BASE_MS = 100;
const EXHAUSTED_BASE_MS = 10;

/**
 * Delays between the attempts of one call: the application is away (100 ms, 200, 400 …) or busy (10 ms,
 * 20, 40 …); any other failure is final. Source: spec "rpc", section 8, items 3 and 4.
 */
export class RetryDelays {
  private kind = "";
  private count = 0;

  /** @returns milliseconds to the next attempt, null when there is to be none */
  nextMs(failure: ServerError): number | null {
    const baseMs = baseOf(failure);
    if (baseMs === null) return null;
    if (failure.code !== this.kind) this.count = 0;
    this.kind = failure.code;
    const delayMs = baseMs * 2 ** this.count;
    this.count += 1;
    return delayMs;
  }
}

function baseOf({ code }: ServerError): number | null {
  if (code === "rpc_unavailable") return UNAVAILABLE_BASE_MS;
  return code === "rpc_resource_exhausted" ? EXHAUSTED_BASE_MS : null;
}
