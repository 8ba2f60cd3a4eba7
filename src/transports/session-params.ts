import type { PingPrecision } from "../messages/client.ts";
import { lastValue } from "./header-text.ts";

/** What a client may ask for in its URL. */
export interface SessionParams {
  /** Milliseconds; undefined when not given or not an integer. */
  readonly pingIntervalMs: number | undefined;
  readonly pingPrecision: PingPrecision | undefined;
  /** sid of the session it wants back; empty for none. */
  readonly restoreSid: string;
  /** A ping interval that is no integer, for the log. */
  readonly badPingInterval: string | null;
}

const NONE: SessionParams = {
  pingIntervalMs: undefined,
  pingPrecision: undefined,
  restoreSid: "",
  badPingInterval: null,
};

/**
 * Reads `pi`, `ptp` and `sid`; the last of repeated ones wins, the header beats `sid`.
 * Source: spec "protocol", 2.7 and 2.8.
 */
export function sessionParams(target: string, headers: Headers): SessionParams {
  const restoreHeader = lastValue(headers.get("x-anycable-restore-sid") ?? "");
  const query = target.indexOf("?");
  if (query < 0) return restoreHeader === "" ? NONE : { ...NONE, restoreSid: restoreHeader };
  const params = new URLSearchParams(target.slice(query + 1));
  const interval = params.getAll("pi").at(-1);
  const isInteger = interval !== undefined && isIntegerText(interval);
  const precision = params.getAll("ptp").at(-1);
  return {
    pingIntervalMs: isInteger ? Number(interval) * 1000 : undefined,
    pingPrecision: precision === undefined ? undefined : precisionOf(precision),
    restoreSid: restoreHeader || (params.getAll("sid").at(-1) ?? ""),
    badPingInterval: interval === undefined || isInteger ? null : interval,
  };
}

function isIntegerText(text: string): boolean {
  return /^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text));
}

function precisionOf(text: string): PingPrecision {
  return text === "ms" || text === "ns" ? text : "s";
}
