import type { Session } from "../session/session.ts";
import type { NodeContext } from "./context.ts";

/**
 * Subscribes an identifier of a session to streams, all at once; resolves when publications of all of them reach it.
 * When the session ends meanwhile its streams are released by whoever ends it, those on their way included.
 * @throws {ServerError} when a stream cannot be subscribed to at the broker; it is not the session's then, the others are
 */
export async function addStreams(
  context: NodeContext,
  session: Session,
  identifier: string,
  streams: readonly string[],
): Promise<void> {
  const known = session.subscriptions.get(identifier);
  if (session.isEnded || known === undefined) return;
  const pending: Promise<void>[] = [];
  for (const stream of streams) {
    if (!context.hub.subscribe(session, identifier, stream)) continue;
    known.push(stream);
    if (context.log.isDebug) logHub(context, "subscribed", session, identifier, stream);
    pending.push(subscribeAtBroker(context, session, identifier, stream));
  }
  const results = await Promise.allSettled(pending);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

async function subscribeAtBroker(
  context: NodeContext,
  session: Session,
  identifier: string,
  stream: string,
): Promise<void> {
  try {
    await context.broker.subscribe(stream);
  } catch (error) {
    const known = session.subscriptions.get(identifier) ?? [];
    const index = known.indexOf(stream);
    if (index >= 0) {
      known.splice(index, 1);
      // Not released: the broker does not count a call that failed.
      context.hub.unsubscribe(session, identifier, stream);
    }
    throw error;
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
