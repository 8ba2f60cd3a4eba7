import { truncate } from "../../messages/truncate.ts";
import type { Outcome, Session } from "../session/session.ts";
import { applyEffects } from "./apply.ts";
import type { NodeContext } from "./context.ts";
import { remember } from "./remember.ts";

/** Hands a client's action to the application. */
export async function perform(
  context: NodeContext,
  session: Session,
  identifier: string,
  data: unknown,
): Promise<Outcome> {
  if (!session.subscriptions.has(identifier)) return `unknown subscription ${truncate(identifier)}`;
  if (typeof data !== "string") {
    return `perform data must be a string, got ${data === null ? "null" : typeof data}`;
  }
  const signal = session.callSignal();
  const result = await context.controller.perform(session, identifier, data, signal);
  if (session.isEnded || result.status === "canceled") {
    session.log.debug("skip perform result: closed");
    return null;
  }
  if (result.status === "error")
    return `perform failed for ${truncate(identifier)}, cause: ${result.error}`;
  const isChanged = await applyEffects(context, session, identifier, result.effects);
  if (isChanged) remember(context, session);
  return null;
}
