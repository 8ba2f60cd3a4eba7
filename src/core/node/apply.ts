import { CLOSES } from "../../messages/close.ts";
import type { CommandEffects, PresenceDirective } from "../../messages/result.ts";
import { errorText } from "../../messages/server-error.ts";
import type { Session } from "../session/session.ts";
import type { NodeContext } from "./context.ts";
import { joinPresence, leavePresence } from "./presence.ts";
import { addStreams, removeAllStreams, removeStreams } from "./streams.ts";

/**
 * Carries out the answer to a command, in the order of spec "rpc", 11.2: streams go live before the confirmation is
 * queued, so nothing published after the application's answer is missed.
 * @returns true when streams or state changed
 */
export async function applyEffects(
  context: NodeContext,
  session: Session,
  identifier: string,
  effects: CommandEffects,
): Promise<boolean> {
  if (effects.stopStreams) removeAllStreams(context, session, identifier);
  else removeStreams(context, session, identifier, effects.stoppedStreams);
  if (effects.streams.length > 0) await addStreams(context, session, identifier, effects.streams);
  if (session.isEnded) return false;
  session.states.mergeChannel(identifier, effects.istate);
  session.states.mergeConnection(effects.cstate);
  for (const transmission of effects.transmissions) session.send(transmission);
  if (effects.presence !== null) {
    await applyPresence(context, session, identifier, effects.presence);
  }
  if (effects.disconnect) session.close(CLOSES.commandFailed);
  return hasChanges(effects);
}

function hasChanges(effects: CommandEffects): boolean {
  return (
    effects.stopStreams ||
    effects.stoppedStreams.length > 0 ||
    effects.streams.length > 0 ||
    effects.istate !== null ||
    effects.cstate !== null
  );
}

async function applyPresence(
  context: NodeContext,
  session: Session,
  identifier: string,
  directive: PresenceDirective,
): Promise<void> {
  const failure = await changePresence(context, session, identifier, directive);
  if (failure !== null) session.log.warn("failed to process presence", { error: failure });
}

async function changePresence(
  context: NodeContext,
  session: Session,
  identifier: string,
  directive: PresenceDirective,
): Promise<string | null> {
  try {
    switch (directive.type) {
      case "join":
        return await joinPresence(context, session, identifier, directive);
      case "leave":
        return await leavePresence(context, session, identifier);
      default:
        return `unknown presence event: ${directive.type}`;
    }
  } catch (error) {
    return errorText(error);
  }
}
