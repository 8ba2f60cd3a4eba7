import type { Session } from "../session/session.ts";
import type { NodeContext } from "./context.ts";
import { isResumable, remember } from "./remember.ts";
import { removeAllStreams } from "./streams.ts";

/**
 * The end of a session that was let in: its streams are released, what is remembered of it lives on for its time, and
 * the application hears of it if it wants to. Source: spec "protocol", section 11.
 */
export function leave(context: NodeContext, session: Session): void {
  if (!context.sessions.remove(session)) return;
  const identifiers = [...session.subscriptions.keys()];
  const isCommitted = context.commits.flush(session.sid);
  for (const identifier of identifiers) removeAllStreams(context, session, identifier);
  if (!isCommitted && isResumable(context, session)) touchSession(context, session);
  if (session.hasJoined) touchPresence(context, session);
  if (session.hasInterest) context.disconnects.add(session, identifiers);
  if (context.log.isDebug) session.log.debug("unregistered");
}

/** Gives what is remembered of a session another time to live. What the store has lost is remembered again while the client is connected. */
export function touchSession(context: NodeContext, session: Session): void {
  context.sessionStore?.touch(session.sid).then(
    (isKept) => {
      if (!isKept) remember(context, session);
    },
    (error: unknown) => session.log.error("failed to keep session in cache", { error }),
  );
}

/** Gives a session's presence records another time to live. */
export function touchPresence(context: NodeContext, session: Session): void {
  context.presence.touch(session.sid).catch((error: unknown) => {
    session.log.error("failed to keep presence", { error });
  });
}
