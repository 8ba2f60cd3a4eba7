import { PRESENCE_STREAM } from "../../messages/client.ts";
import { truncate } from "../../messages/truncate.ts";
import type { Outcome, Session } from "../session/session.ts";
import { applyEffects } from "./apply.ts";
import type { NodeContext } from "./context.ts";
import { removePresence } from "./presence.ts";
import { remember } from "./remember.ts";
import { removeAllStreams } from "./streams.ts";

/** Ends a subscription with everything that belongs to it; nothing is answered. */
export async function unsubscribe(
  context: NodeContext,
  session: Session,
  identifier: string,
): Promise<Outcome> {
  if (!session.subscriptions.has(identifier))
    return `unknown subscription: ${truncate(identifier)}`;
  const result = await context.controller.unsubscribe(session, identifier, session.callSignal());
  if (session.isEnded || result.status === "canceled") {
    session.log.debug("skip unsubscribe result: closed");
    return null;
  }
  if (result.status === "error") {
    return `failed to unsubscribe from ${truncate(identifier)}, cause: ${result.error}`;
  }
  const presenceStream = session.states.channelValue(identifier, PRESENCE_STREAM);
  removeAllStreams(context, session, identifier);
  session.subscriptions.delete(identifier);
  session.states.dropChannel(identifier);
  await applyEffects(context, session, identifier, {
    ...result.effects,
    streams: [],
    istate: null,
  });
  remember(context, session);
  if (presenceStream !== undefined) await removePresence(context, session, presenceStream);
  return null;
}
