import type { HistoryRequest } from "../../messages/command.ts";
import type { Publication } from "../../messages/publication.ts";
import { errorText } from "../../messages/server-error.ts";
import { truncate } from "../../messages/truncate.ts";
import type { History } from "../../ports/broker.ts";
import type { Outcome, Session } from "../session/session.ts";
import type { NodeContext } from "./context.ts";

/** False for a request that names neither a time nor positions; an empty set of positions counts. */
export function wantsHistory(request: HistoryRequest): boolean {
  return request.since !== 0 || request.streams !== null;
}

/** The `history` command. */
export async function history(
  context: NodeContext,
  session: Session,
  identifier: string,
  request: HistoryRequest | null,
): Promise<Outcome> {
  if (!session.subscriptions.has(identifier))
    return `unknown subscription: ${truncate(identifier)}`;
  if (request === null || !wantsHistory(request)) {
    return `history request is missing for ${truncate(identifier)}: give since or streams`;
  }
  return await replayHistory(context, session, identifier, request);
}

/**
 * Sends what the client missed on all streams of a subscription, then the confirmation; or only the rejection, when
 * any stream cannot be had from where the client knows it.
 * @returns null, or why it was rejected
 */
export async function replayHistory(
  context: NodeContext,
  session: Session,
  identifier: string,
  request: HistoryRequest,
): Promise<string | null> {
  const backlog: Publication[] = [];
  for (const stream of session.subscriptions.get(identifier) ?? []) {
    const found = await lookUp(context, stream, request);
    if (session.isEnded) return null;
    if (found === null) continue;
    if (!found.ok) {
      session.send({ type: "reject_history", identifier });
      session.log.debug("history rejected", { identifier, stream, reason: found.reason });
      return found.reason;
    }
    for (const publication of found.publications) backlog.push(publication);
  }
  for (const publication of backlog) {
    session.deliver(context.replays.frame(session.encoder, identifier, publication));
  }
  session.send({ type: "confirm_history", identifier });
  return null;
}

async function lookUp(
  context: NodeContext,
  stream: string,
  request: HistoryRequest,
): Promise<History | null> {
  const position = request.streams?.get(stream);
  try {
    if (position !== undefined) return await context.broker.historyFrom(stream, position);
    if (request.since > 0) return await context.broker.historySince(stream, request.since);
    return null;
  } catch (error) {
    return { ok: false, reason: errorText(error) };
  }
}
