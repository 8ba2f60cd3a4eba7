import type { SessionSnapshot } from "../../messages/snapshot.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { SessionStore } from "../../ports/session-store.ts";
import type { Session } from "../session/session.ts";

/** So many subscriptions, or bytes of identifiers, are worth a millisecond of waiting: about ten times what it takes to write them. */
const SUBSCRIPTIONS_PER_MS = 100;
const BYTES_PER_MS = 80 * 1024;
/** Below it a session is small: the turn of the event loop is wait enough. */
const MIN_WAIT_MS = 2;
/** What a node that is killed, or a client that moves to another one, can lose of what was confirmed. */
const MAX_WAIT_MS = 100;

/** A session that has changed since its last commit. */
interface Change {
  readonly session: Session;
  /** Null: at the end of this turn of the event loop. */
  readonly timer: Timer | null;
}

/**
 * Writes changed sessions to the store, each as a whole. A client may change its session thousands of times in a row, so
 * that is done once for all changes of an event-loop turn, and of up to 100 ms when the session is large; at once when
 * it ends or is asked for.
 */
export class Commits {
  private readonly changes = new Map<string, Change>();
  private due: string[] = [];
  /** The last commit of each sid that is on its way. */
  private readonly running = new Map<string, Promise<void>>();
  private readonly store: SessionStore | null;
  private readonly clock: Clock;

  constructor(deps: { readonly sessionStore: SessionStore | null; readonly clock: Clock }) {
    this.store = deps.sessionStore;
    this.clock = deps.clock;
  }

  /** The session has changed. */
  add(session: Session): void {
    const { sid } = session;
    if (this.store === null || this.changes.has(sid)) return;
    const waitMs = waitOf(session);
    const timer = waitMs < MIN_WAIT_MS ? null : this.clock.after(waitMs, () => this.flush(sid));
    this.changes.set(sid, { session, timer });
    if (timer !== null) return;
    if (this.due.length === 0) setImmediate(this.flushDue);
    this.due.push(sid);
  }

  /** Writes what has changed in a session. @returns false when there was nothing to write */
  flush(sid: string): boolean {
    const change = this.changes.get(sid);
    if (change === undefined || this.store === null) return false;
    const { session, timer } = change;
    this.changes.delete(sid);
    timer?.cancel();
    const running = this.store.commit(sid, snapshot(session)).catch((error: unknown) => {
      session.log.error("failed to persist session in cache", { error });
    });
    this.running.set(sid, running);
    // It never rejects; the map only tells what to wait for.
    void running.then(() => {
      if (this.running.get(sid) === running) this.running.delete(sid);
    });
    return true;
  }

  /** Writes what has changed in a session; resolves when the store has it, or has refused it. */
  async written(sid: string): Promise<void> {
    this.flush(sid);
    await this.running.get(sid);
  }

  /** Resolves when the store has all that was written so far. */
  async settled(): Promise<void> {
    await Promise.all(this.running.values());
  }

  private readonly flushDue = (): void => {
    const { due } = this;
    this.due = [];
    for (const sid of due) this.flush(sid);
  };
}

function waitOf({ subscriptions }: Session): number {
  const { size, identifierBytes } = subscriptions;
  return Math.min(
    MAX_WAIT_MS,
    Math.max(size / SUBSCRIPTIONS_PER_MS, identifierBytes / BYTES_PER_MS),
  );
}

function snapshot(session: Session): SessionSnapshot {
  return {
    identifiers: session.identifiers,
    subscriptions: [...session.subscriptions].map(([identifier, streams]) => [
      identifier,
      [...streams],
    ]),
    cstate: [...session.cstate],
    istate: [...session.istate].map(([identifier, state]) => [identifier, [...state]]),
    interest: session.hasInterest,
    authenticatedAtMs: session.authenticatedAtMs,
  };
}
