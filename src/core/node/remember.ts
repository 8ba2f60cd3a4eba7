import type { Session } from "../session/session.ts";
import type { NodeContext } from "./context.ts";

/**
 * Has a session committed, so that its client can come back. Only sessions of the extended protocol that are let in: the sid
 * may be the client's choice, so an unauthenticated one must never become restorable.
 */
export function remember(context: NodeContext, session: Session): void {
  if (!isResumable(context, session)) return;
  // A command may end after its session: what a remote disconnect has forgotten must stay forgotten.
  if (session.isEnded) return;
  context.commits.add(session);
}

/** Removes what is remembered of a session: its client must authenticate again. */
export function forget(context: NodeContext, session: Session): void {
  context.sessionStore?.forget(session.sid).catch((error: unknown) => {
    session.log.error("failed to remove session from cache", { error });
  });
}

/** Nobody who was let in under these identifiers comes back without authentication, also who is off the network just now. */
export function revoke(context: NodeContext, identifiers: string): void {
  context.sessionStore?.revoke(identifiers).catch((error: unknown) => {
    context.log.error("failed to remove sessions from cache", { identifiers, error });
  });
}

/** True for sessions that are kept for their client's return. */
export function isResumable(context: NodeContext, session: Session): boolean {
  return session.isExtended && session.isAuthenticated && context.options.sessionsTtlMs > 0;
}
