import { CLOSES } from "../../messages/close.ts";
import type { Session } from "../session/session.ts";
import type { NodeContext } from "./context.ts";
import { untilAborted } from "./until-aborted.ts";

const FLUSH_CHECK_MS = 10;
const DRAIN_SHARE = 5 / 6;
const MAX_PAUSE_MS = 500;

/** How much time a shutdown has. `signal` is aborted when it is over, or when the operator is out of patience. */
export interface ShutdownTime {
  readonly signal: AbortSignal;
  readonly leftMs: number;
}

/**
 * Sends every session away with the promise that it may come back, behind what is queued for it, then makes the
 * Disconnect calls that are left. Source: spec "protocol", section 13.
 */
export async function shutDown(
  context: NodeContext,
  connecting: ReadonlySet<Session>,
  time: ShutdownTime,
): Promise<void> {
  for (const session of [...connecting]) session.cut(CLOSES.writeFailed);
  const log = context.log.with({ context: "node" });
  const sessions = [...context.sessions];
  context.disconnects.hurry();
  if (sessions.length > 0) {
    log.info("closing active connections", { num: sessions.length });
    if (context.options.slowDrain) await drainSlowly(context, sessions, time);
    for (const session of sessions) session.disconnect("server_restart", true, CLOSES.restart);
  }
  const unflushed = await flushed(context, sessions, time.signal);
  await context.disconnects.settled(time.signal);
  const left = Math.max(unflushed.length, context.disconnects.runningCount);
  if (left === 0) log.info("all active connections closed");
  else log.warn("terminated while disconnecting active sessions", { num: left });
  for (const session of unflushed) session.abandon();
  await finishDisconnects(context, time);
  await untilAborted(context.commits.settled(), time.signal);
}

/** One after another over a period a little shorter than the time left; the others go on as usual. */
async function drainSlowly(
  context: NodeContext,
  sessions: readonly Session[],
  time: ShutdownTime,
): Promise<void> {
  const periodMs = time.leftMs * DRAIN_SHARE;
  const pauseMs = Math.min(MAX_PAUSE_MS, periodMs / sessions.length);
  const seconds = (periodMs / 1000).toFixed(1);
  context.log
    .with({ context: "node" })
    .info(`Draining ${sessions.length} active connections slowly for ${seconds}s`);
  const startedAt = context.clock.now();
  let next = 0;
  while (next < sessions.length && !time.signal.aborted) {
    const due = Math.floor((context.clock.now() - startedAt) / pauseMs) + 1;
    for (; next < Math.min(due, sessions.length); next++) {
      sessions[next]?.disconnect("server_restart", true, CLOSES.restart);
    }
    if (next < sessions.length) {
      const dueAt = startedAt + next * pauseMs;
      await pause(context, Math.max(1, dueAt - context.clock.now()), time.signal);
    }
  }
}

/** @returns sessions whose last frames did not get away in time */
async function flushed(
  context: NodeContext,
  sessions: readonly Session[],
  signal: AbortSignal,
): Promise<readonly Session[]> {
  // Farewells are written at the end of this turn of the event loop.
  await pause(context, 0, signal);
  let left = sessions.filter((session) => !session.isFlushed);
  while (left.length > 0 && !signal.aborted) {
    await pause(context, FLUSH_CHECK_MS, signal);
    left = left.filter((session) => !session.isFlushed);
  }
  return left;
}

async function finishDisconnects(context: NodeContext, time: ShutdownTime): Promise<void> {
  const log = context.log.with({ context: "disconnector" });
  const waiting = context.disconnects.size;
  if (waiting > 0) {
    log.info("invoking remaining disconnects", { interval: time.leftMs / 1000, num: waiting });
  }
  const { made, left } = await context.disconnects.drain(time.signal);
  if (left > 0) {
    log.warn("failed to shutdown disconnector gracefully", {
      error: `had no time to invoke Disconnect calls: ~${left}`,
    });
  } else if (waiting > 0) {
    log.info("disconnected sessions", { num: made });
  }
}

/** Waits for the time or the signal, whichever is first. */
function pause(context: NodeContext, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = context.clock.after(ms, done);
    signal.addEventListener("abort", done);
    function done(): void {
      timer.cancel();
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
