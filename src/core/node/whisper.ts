import { WHISPER_STREAM } from "../../messages/client.ts";
import { truncate } from "../../messages/truncate.ts";
import type { Outcome, Session } from "../session/session.ts";
import type { NodeContext } from "./context.ts";

/** Passes a client's message to the other subscribers of its whisper stream; without one it is ignored. */
export async function whisper(
  context: NodeContext,
  session: Session,
  identifier: string,
  data: unknown,
): Promise<Outcome> {
  const stream = session.states.channelValue(identifier, WHISPER_STREAM);
  if (stream === undefined) {
    session.log.debug("whisper stream not found", { identifier: truncate(identifier) });
    return null;
  }
  try {
    await context.broker.publish({
      stream,
      data: JSON.stringify(data ?? null),
      meta: { excludeSocket: session.sid, broadcastType: "", transient: true },
      offset: 0,
      epoch: "",
    });
  } catch (error) {
    session.log.error("failed to whisper", { error });
  }
  return null;
}
