import type { Session } from "../session/session.ts";
import type { NodeContext } from "./context.ts";

/** Notes whether the application wants to hear of the session's end; once noted it stays. Source: spec "protocol", 11.1. */
export function markInterest(context: NodeContext, session: Session, hasInterest: boolean): void {
  const mode = context.options.disconnectMode;
  if (mode === "always" || (mode === "auto" && hasInterest)) session.hasInterest = true;
}
