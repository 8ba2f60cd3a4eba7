import type { Command } from "../../messages/command.ts";
import type { CommandEffects } from "../../messages/result.ts";
import { truncate } from "../../messages/truncate.ts";
import type { Outcome, Session } from "../session/session.ts";
import { applyEffects } from "./apply.ts";
import type { NodeContext } from "./context.ts";
import { replayHistory } from "./history.ts";
import { markInterest } from "./interest.ts";
import { joinPresence } from "./presence.ts";
import { remember } from "./remember.ts";
import { removeAllStreams } from "./streams.ts";

type Subscribe = Extract<Command, { command: "subscribe" }>;

/** Subscribes when the application agrees, then serves the history and presence asked for with it. */
export async function subscribe(
  context: NodeContext,
  session: Session,
  command: Subscribe,
): Promise<Outcome> {
  const { identifier } = command;
  const { subscriptions } = session;
  if (subscriptions.has(identifier)) return `already subscribed to ${truncate(identifier)}`;
  if (subscriptions.isFull(context.options.maxSubscriptions)) {
    return refuseOneMore(context, session, identifier);
  }
  const result = await context.controller.subscribe(session, identifier, session.callSignal());
  if (session.isEnded || result.status === "canceled") return skipped(session);
  if (result.status === "error")
    return `subscribe failed for ${truncate(identifier)}, cause: ${result.error}`;
  if (result.status === "failure") {
    await applyEffects(context, session, identifier, withoutChannel(result.effects));
    markInterest(context, session, result.effects.interest);
    return null;
  }
  subscriptions.add(identifier);
  try {
    await applyEffects(context, session, identifier, result.effects);
  } catch (error) {
    if (!session.isEnded) {
      removeAllStreams(context, session, identifier);
      subscriptions.delete(identifier);
      session.states.dropChannel(identifier);
      session.send({ type: "reject_subscription", identifier });
    }
    throw error;
  }
  if (session.isEnded) return null;
  markInterest(context, session, result.effects.interest);
  remember(context, session);
  await serveExtras(context, session, command);
  return null;
}

/** What a session holds must have a bound. One line per session: the client may go on trying. */
function refuseOneMore(context: NodeContext, session: Session, identifier: string): Outcome {
  session.send({ type: "reject_subscription", identifier });
  context.metrics.failedCommands.add();
  if (session.isToldFull) return null;
  session.isToldFull = true;
  session.log.warn("too many subscriptions, see ws_max_subscriptions", {
    num: session.subscriptions.size,
    max: context.options.maxSubscriptions,
    bytes: session.subscriptions.identifierBytes,
  });
  return null;
}

/** A rejected channel has neither streams nor state, whatever the answer lists. */
function withoutChannel(effects: CommandEffects): CommandEffects {
  return { ...effects, streams: [], stoppedStreams: [], stopStreams: false, istate: null };
}

async function serveExtras(
  context: NodeContext,
  session: Session,
  { identifier, history, presence }: Subscribe,
): Promise<void> {
  if (history !== null && (history.since > 0 || history.streams !== null)) {
    const failure = await replayHistory(context, session, identifier, history);
    if (failure !== null)
      session.log.warn("couldn't retrieve history", {
        identifier: truncate(identifier),
        error: failure,
      });
  }
  if (presence !== null) {
    const failure = await joinPresence(context, session, identifier, presence);
    if (failure !== null) {
      session.log.warn("couldn't process presence join", {
        identifier: truncate(identifier),
        error: failure,
      });
    }
  }
}

function skipped(session: Session): Outcome {
  session.log.debug("skip subscribe result: closed");
  return null;
}
