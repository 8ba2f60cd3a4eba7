import { PRESENCE_STREAM } from "../../messages/client.ts";
import type { PresenceRequest } from "../../messages/command.ts";
import { truncate } from "../../messages/truncate.ts";
import type { PresenceChange } from "../../ports/presence-store.ts";
import type { Outcome, Session } from "../session/session.ts";
import type { NodeContext } from "./context.ts";

const REASONS = {
  mismatch: "presence ID mismatch",
  absent: "presence info not found",
  unsupported: "presence not supported",
} as const;

/** The `join` command. */
export async function join(
  context: NodeContext,
  session: Session,
  identifier: string,
  request: PresenceRequest | null,
): Promise<Outcome> {
  if (!session.subscriptions.has(identifier))
    return `unknown subscription: ${truncate(identifier)}`;
  if (request === null) return "presence data is missing";
  return await joinPresence(context, session, identifier, request);
}

/** The `leave` command. */
export async function leave(
  context: NodeContext,
  session: Session,
  identifier: string,
): Promise<Outcome> {
  if (!session.subscriptions.has(identifier))
    return `unknown subscription: ${truncate(identifier)}`;
  return await leavePresence(context, session, identifier);
}

/** The `presence` command: who is there, or only how many. */
export async function presence(
  context: NodeContext,
  session: Session,
  identifier: string,
  data: unknown,
): Promise<Outcome> {
  if (!session.subscriptions.has(identifier))
    return `unknown subscription: ${truncate(identifier)}`;
  const stream = session.states.channelValue(identifier, PRESENCE_STREAM);
  if (stream === undefined) return missingStream(identifier);
  try {
    const info = await context.presence.info(stream, wantsRecords(data));
    session.send({ type: "presence", identifier, info });
    return info === null ? REASONS.unsupported : null;
  } catch (error) {
    session.send({ type: "presence", identifier, info: null });
    throw error;
  }
}

/** Adds the session to the presence stream of a subscription. @returns null, or why not */
export async function joinPresence(
  context: NodeContext,
  session: Session,
  identifier: string,
  request: PresenceRequest,
): Promise<string | null> {
  const stream = session.states.channelValue(identifier, PRESENCE_STREAM);
  if (stream === undefined) return missingStream(identifier);
  const change = await context.presence.join(stream, session.sid, request.id, request.info);
  if (!change.ok) return REASONS[change.reason];
  session.hasJoined = true;
  return null;
}

/** Takes the session out of the presence stream of a subscription. @returns null, or why not */
export async function leavePresence(
  context: NodeContext,
  session: Session,
  identifier: string,
): Promise<string | null> {
  const stream = session.states.channelValue(identifier, PRESENCE_STREAM);
  if (stream === undefined) return missingStream(identifier);
  return refusal(await context.presence.leave(stream, session.sid));
}

/** After an unsubscribe: not having joined is no news. */
export async function removePresence(
  context: NodeContext,
  session: Session,
  stream: string,
): Promise<void> {
  if (!session.hasJoined) return;
  try {
    const failure = refusal(await context.presence.leave(stream, session.sid));
    if (failure !== null) session.log.debug("no presence to remove", { stream, reason: failure });
  } catch (error) {
    session.log.error("failed to remove presence", { stream, error });
  }
}

function refusal(change: PresenceChange): string | null {
  return change.ok ? null : REASONS[change.reason];
}

function missingStream(identifier: string): string {
  return `presence stream not found for identifier: ${truncate(identifier)}`;
}

/** Only an explicit `{"return_records":false}` asks for totals. */
function wantsRecords(data: unknown): boolean {
  if (typeof data !== "object" || data === null) return true;
  return (data as { return_records?: unknown }).return_records !== false;
}
