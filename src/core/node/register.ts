import type { Session } from "../session/session.ts";
import type { NodeContext } from "./context.ts";

/** Makes a session one of the node's: from now on it counts and can be found. */
export function register(context: NodeContext, session: Session): void {
  session.isAuthenticated = true;
  context.sessions.add(session);
  if (context.log.isDebug) session.log.debug("registered", { ids: session.identifiers });
}
