import type { Session } from "../session/session.ts";
import type { NodeContext } from "./context.ts";

/**
 * Subscribes an identifier of a session to streams; resolves when publications of all of them reach it.
 * @throws {ServerError} when a stream cannot be subscribed to at the broker
 */
export async function addStreams(
  context: NodeContext,
  session: Session,
  identifier: string,
  streams: readonly string[],
): Promise<void> {
  for (const stream of streams) {
    const known = session.subscriptions.get(identifier);
    if (session.isEnded || known === undefined) return;
    if (!context.hub.subscribe(session, identifier, stream)) continue;
    known.push(stream);
    if (context.log.isDebug) logHub(context, "subscribed", session, identifier, stream);
    await context.broker.subscribe(stream);
  }
}

/** Drops these streams of an identifier; others are left alone. */
export function removeStreams(
  context: NodeContext,
  session: Session,
  identifier: string,
  streams: readonly string[],
): void {
  const known = session.subscriptions.get(identifier) ?? [];
  for (const stream of streams) {
    const index = known.indexOf(stream);
    if (index < 0) continue;
    known.splice(index, 1);
    dropStream(context, session, identifier, stream);
  }
}

/** Drops every stream of an identifier; the subscription itself stays. */
export function removeAllStreams(context: NodeContext, session: Session, identifier: string): void {
  const known = session.subscriptions.get(identifier) ?? [];
  for (const stream of known.splice(0)) dropStream(context, session, identifier, stream);
}

function dropStream(
  context: NodeContext,
  session: Session,
  identifier: string,
  stream: string,
): void {
  context.hub.unsubscribe(session, identifier, stream);
  if (context.log.isDebug) logHub(context, "unsubscribed", session, identifier, stream);
  release(context, stream);
}

/** Nobody waits for the broker to let go; a failure is only worth a line. */
function release(context: NodeContext, stream: string): void {
  context.broker.unsubscribe(stream).catch((error: unknown) => {
    context.log.error("failed to unsubscribe", { stream, error });
  });
}

function logHub(
  context: NodeContext,
  message: string,
  session: Session,
  identifier: string,
  stream: string,
): void {
  context.log.debug(message, { component: "hub", sid: session.sid, identifier, stream });
}
