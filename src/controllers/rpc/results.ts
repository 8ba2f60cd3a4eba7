import {
  type CommandResponse,
  type ConnectionResponse,
  type EnvResponse,
  type PresenceResponse,
  Status,
} from "../../../protos/gen/rpc_pb.js";
import type {
  CommandEffects,
  CommandResult,
  ConnectResult,
  PresenceDirective,
  StateChange,
} from "../../messages/result.ts";
import { cutText } from "./failure.ts";
import type { CommandName } from "./requests.ts";

/** What the application's answer to a connect means. Source: spec "rpc", section 11.1. */
export function connectResult(response: ConnectionResponse): ConnectResult {
  const { transmissions, identifiers } = response;
  switch (response.status) {
    case Status.SUCCESS: {
      const cstate = stateChange(response.env?.cstate);
      return { status: "success", identifiers, transmissions, cstate, interest: true };
    }
    case Status.FAILURE:
      return { status: "failure", transmissions, cstate: stateChange(response.env?.cstate) };
    default:
      return { status: "error", error: applicationError(response.errorMsg) };
  }
}

/** What the application's answer to a command means. Source: spec "rpc", section 11.2. */
export function commandResult(command: CommandName, response: CommandResponse): CommandResult {
  switch (response.status) {
    case Status.SUCCESS:
      return { status: "success", effects: effectsOf(command, response, false) };
    case Status.FAILURE:
      return { status: "failure", effects: effectsOf(command, response, command === "subscribe") };
    default:
      return { status: "error", error: applicationError(response.errorMsg) };
  }
}

/** The text of an answer with status ERROR. */
export function applicationError(message: string): string {
  return `Application error: ${cutText(message)}`;
}

/** @param isRejected the subscription does not come to be: what concerns its channel is ignored */
function effectsOf(
  command: CommandName,
  response: CommandResponse,
  isRejected: boolean,
): CommandEffects {
  return {
    transmissions: response.transmissions,
    streams: isRejected ? NOTHING : response.streams,
    stoppedStreams: isRejected ? NOTHING : response.stoppedStreams,
    stopStreams: response.stopStreams,
    cstate: stateChange(response.env?.cstate),
    istate: isRejected || command === "unsubscribe" ? null : istateChange(response.env),
    presence: presenceDirective(response.presence),
    disconnect: response.disconnect,
    interest: command === "subscribe",
  };
}

const NOTHING: readonly string[] = [];

function istateChange(env: EnvResponse | undefined): StateChange | null {
  return stateChange(env?.istate);
}

function stateChange(map: { readonly [key: string]: string } | undefined): StateChange | null {
  if (map === undefined) return null;
  const entries = Object.entries(map);
  return entries.length === 0 ? null : new Map(entries);
}

function presenceDirective(presence: PresenceResponse | undefined): PresenceDirective | null {
  if (presence === undefined) return null;
  return { type: presence.type, id: presence.id, info: jsonInfo(presence.info) };
}

/** JSON stays as it is, any other text becomes a JSON string; empty stays empty. */
function jsonInfo(info: string): string {
  if (info === "") return "";
  try {
    JSON.parse(info);
    return info;
  } catch {
    return JSON.stringify(info);
  }
}
