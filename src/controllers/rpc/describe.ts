import type { CommandResult, ConnectResult, Transmission } from "../../messages/result.ts";
import { truncate } from "../../messages/truncate.ts";
import type { Attributes } from "../../ports/log.ts";

/**
 * What the application's answer came to, as log attributes: `response`, or `err` where there is none. Long values are
 * cut; states and identifiers, which may hold secrets, are left out.
 *
 *     sid=s1 response.status=success response.transmissions=[…] response.streams=[chat/42] …
 *
 * Source: spec "rpc", section 8.2; spec "observability", section 6.2.
 */
export function describeResult(sid: string, result: ConnectResult | CommandResult): Attributes {
  const { status } = result;
  switch (status) {
    case "error":
      return { sid, err: result.error };
    case "canceled":
      return { sid, response: { status } };
    default:
      return { sid, response: { status, ...describeEffects(result) } };
  }
}

type Answer = Extract<ConnectResult | CommandResult, { status: "success" | "failure" }>;

function describeEffects(answer: Answer): Attributes {
  if (!("effects" in answer)) return { transmissions: answer.transmissions.map(shown) };
  const { transmissions, streams, stoppedStreams, stopStreams, disconnect } = answer.effects;
  return {
    transmissions: transmissions.map(shown),
    streams: streams.map(truncate),
    stopped_streams: stoppedStreams.map(truncate),
    stop_streams: stopStreams,
    disconnect,
  };
}

function shown(transmission: Transmission): string {
  return truncate(typeof transmission === "string" ? transmission : JSON.stringify(transmission));
}
