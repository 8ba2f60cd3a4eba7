import { ServerError } from "../../messages/server-error.ts";
import type { SessionSnapshot } from "../../messages/snapshot.ts";
import type { Session } from "../session/session.ts";
import type { NodeContext } from "./context.ts";
import { register } from "./register.ts";
import { remember } from "./remember.ts";
import { addStreams } from "./streams.ts";

/**
 * Brings back a session under a new sid, without authentication: who knows the old sid is its client.
 * @returns false when there is none to bring back: authenticate
 */
export async function restore(
  context: NodeContext,
  session: Session,
  oldSid: string,
): Promise<boolean> {
  const { sessionStore, options } = context;
  if (oldSid === "" || !session.isExtended || options.sessionsTtlMs <= 0) return false;
  if (sessionStore === null) return notFound(session, oldSid);
  let snapshot: SessionSnapshot | null;
  try {
    // Its client may be back before the loss of the old connection is noticed, or before its last commit has arrived.
    await context.commits.written(oldSid);
    snapshot = await sessionStore.restore(oldSid);
  } catch (error) {
    const isCorrupt = error instanceof ServerError && error.code === "snapshot_corrupt";
    const failure = isCorrupt ? "restore session from cache" : "fetch session cache";
    session.log.error(`failed to ${failure}`, { old_sid: oldSid, error });
    return false;
  }
  if (snapshot === null) return notFound(session, oldSid);
  await bringBack(context, session, snapshot);
  session.log.debug("session restored", { old_sid: oldSid });
  return true;
}

function notFound(session: Session, oldSid: string): false {
  session.log.debug("session not found in cache", { old_sid: oldSid });
  return false;
}

async function bringBack(
  context: NodeContext,
  session: Session,
  snapshot: SessionSnapshot,
): Promise<void> {
  if (session.isEnded) return;
  session.identifiers = snapshot.identifiers;
  session.authenticatedAtMs = snapshot.authenticatedAtMs;
  session.states.mergeConnection(new Map(snapshot.cstate));
  for (const [identifier, state] of snapshot.istate) {
    session.states.mergeChannel(identifier, new Map(state));
  }
  session.hasInterest = snapshot.interest;
  register(context, session);
  await Promise.all(
    snapshot.subscriptions.map(([identifier, streams]) => {
      session.subscriptions.add(identifier);
      return addStreams(context, session, identifier, streams);
    }),
  );
  if (session.isEnded) return;
  const restoredIds = snapshot.subscriptions.map(([identifier]) => identifier);
  session.send({ type: "welcome", sid: session.sid, restoredIds });
  remember(context, session);
}
