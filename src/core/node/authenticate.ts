import { CLOSES } from "../../messages/close.ts";
import type { ConnectResult } from "../../messages/result.ts";
import type { Session } from "../session/session.ts";
import type { NodeContext } from "./context.ts";
import { markInterest } from "./interest.ts";
import { register } from "./register.ts";
import { remember } from "./remember.ts";
import { restore } from "./restore.ts";

type Success = Extract<ConnectResult, { status: "success" }>;
type Failure = Extract<ConnectResult, { status: "failure" }>;

/** Lets a session in, from memory or by the application's word, or sends it away. Source: spec "protocol", 3.3. */
export async function authenticate(
  context: NodeContext,
  session: Session,
  restoreSid: string,
): Promise<void> {
  if (await restore(context, session, restoreSid)) return;
  if (session.isEnded) return;
  const result = await context.controller.authenticate(session, session.callSignal());
  if (session.isEnded) {
    session.log.debug("skip authenticate result: closed");
    return;
  }
  switch (result.status) {
    case "success":
      return welcome(context, session, result);
    case "failure":
      return refuse(context, session, result);
    case "error":
      session.log.error("WebSocket session failed", {
        error: `failed to authenticate, cause: ${result.error}`,
      });
      return session.close(CLOSES.authError);
    case "canceled":
      return;
  }
}

function welcome(context: NodeContext, session: Session, result: Success): void {
  session.identifiers = result.identifiers;
  session.authenticatedAtMs = context.clock.now();
  register(context, session);
  session.states.mergeConnection(result.cstate);
  for (const transmission of result.transmissions) session.send(transmission);
  markInterest(context, session, result.interest);
  remember(context, session);
}

function refuse(context: NodeContext, session: Session, result: Failure): void {
  context.metrics.failedAuths.add();
  for (const transmission of result.transmissions) session.send(transmission);
  session.close(CLOSES.authFailed);
}
